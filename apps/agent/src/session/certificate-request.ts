import { createSign, generateKeyPairSync } from 'node:crypto'

/**
 * A new P-256 key pair and its PKCS #10 request (RFC 2986), both PEM. The authority decides what the certificate says; the name in the
 * request is only for people who read requests. Written out here because it is six DER values, and what reads certificates for a
 * living is a large library for a process that runs as root.
 */
export function createCertificateRequest(commonName: string): { readonly key: string; readonly csr: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = sequence(set(sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName, 'utf8')))))
  const noAttributes = der(CONTEXT_0, Buffer.alloc(0))
  const info = sequence(VERSION_1, subject, publicKey.export({ type: 'spki', format: 'der' }), noAttributes)
  const signature = createSign('sha256').update(info).sign(privateKey)
  const request = sequence(info, sequence(ECDSA_WITH_SHA256), der(BIT_STRING, Buffer.concat([Buffer.from([0]), signature])))
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csr: `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`,
  }
}

const BIT_STRING = 0x03
const UTF8_STRING = 0x0c
const SEQUENCE = 0x30
const SET = 0x31
const CONTEXT_0 = 0xa0
const VERSION_1 = Buffer.from('020100', 'hex')
/** 2.5.4.3 */
const COMMON_NAME = Buffer.from('0603550403', 'hex')
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(SET, Buffer.concat(parts))
}

/** Tag, length (X.690 8.1.3), content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}
