import { createPrivateKey, createPublicKey, createVerify } from 'node:crypto'
import { expect, test } from 'vitest'
import { createCertificateRequest } from './certificate-request.js'

/** Lengths of a DER value's header and content. */
function element(bytes: Buffer, at: number): { header: number; length: number } {
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return { header: 2, length: first }
  const count = first & 0x7f
  return { header: 2 + count, length: bytes.readUIntBE(at + 2, count) }
}

test.each([1, 60, 200])('a request (name of %i characters) is signed by the key that it names', (characters) => {
  const { key, csr } = createCertificateRequest('x'.repeat(characters))
  const bytes = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  // SEQUENCE { info, algorithm, BIT STRING }
  const at = element(bytes, 0).header
  const whole = element(bytes, at)
  const info = bytes.subarray(at, at + whole.header + whole.length)
  const algorithm = Buffer.from('300a06082a8648ce3d040302', 'hex')
  const after = bytes.subarray(at + info.length)
  expect(after.subarray(0, algorithm.length).equals(algorithm)).toBe(true)
  const signature = after.subarray(algorithm.length + 3)
  const publicKey = createPublicKey(createPrivateKey(key))
  expect(info.includes(publicKey.export({ type: 'spki', format: 'der' }))).toBe(true)
  expect(createVerify('sha256').update(info).verify(publicKey, signature)).toBe(true)
})
