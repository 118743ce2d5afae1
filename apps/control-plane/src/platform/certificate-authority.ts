// The cluster's own certificate authority: P-256, its key in DataDir/db, readable by the control plane's account alone.
// It signs the control plane's server certificate (new at every start, in memory) and one client certificate per node.
import 'reflect-metadata'
import { createHash, createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import { CONTROL_PLANE_SERVER_NAME } from '@berth/protocol/join-token.js'
import * as x509 from '@peculiar/x509'
import { AUTHORITY_LIFETIME_MS, CERTIFICATE_BACKDATE_MS, NODE_CERTIFICATE_LIFETIME_MS } from '../limits.js'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const AUTHORITY_NAME = 'CN=Berth cluster authority'

export interface IssuedCertificate {
  readonly pem: string
  /** Of the DER, hex. */
  readonly sha256: string
}

export interface CertificateAuthority {
  readonly certificatePem: string
  /** SHA-256 of the certificate's DER, hex: what join tokens carry. */
  readonly fingerprint: string
  issueServer(): Promise<{ readonly keyPem: string; readonly certificatePem: string }>
  /** Signs the key of a request for this node; nothing else of the request counts. Throws `invalid` when it is not self-signed. */
  issueNode(csrPem: string, nodeId: string): Promise<IssuedCertificate>
}

/** Opens DataDir/db/ca.key and ca.crt; makes them, mode 0600, when they are missing. */
export async function openCertificateAuthority(directory: string): Promise<CertificateAuthority> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const keyPem = await readOrMake(join(directory, 'ca.key'), async () => {
    const pair = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    return pemOf(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY')
  })
  const keys = await importPair(keyPem)
  const certificatePem = await readOrMake(join(directory, 'ca.crt'), async () => {
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: AUTHORITY_NAME,
      ...validity(AUTHORITY_LIFETIME_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    return certificate.toString('pem')
  })
  const authority = new x509.X509Certificate(certificatePem)
  const sign = async (
    publicKey: x509.PublicKeyType,
    subject: string,
    lifetimeMs: number,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> =>
    x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: authority.subject,
      ...validity(lifetimeMs),
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...extensions,
      ],
    })
  return {
    certificatePem,
    fingerprint: sha256(authority.rawData),
    async issueServer() {
      const pair = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
      const certificate = await sign(pair.publicKey, `CN=${CONTROL_PLANE_SERVER_NAME}`, NODE_CERTIFICATE_LIFETIME_MS, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: CONTROL_PLANE_SERVER_NAME }]),
      ])
      return {
        keyPem: pemOf(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY'),
        certificatePem: certificate.toString('pem'),
      }
    },
    async issueNode(csrPem, nodeId) {
      let request: x509.Pkcs10CertificateRequest
      try {
        request = new x509.Pkcs10CertificateRequest(csrPem)
      } catch (cause) {
        throw new AppError('invalid', 'the certificate request cannot be read: PKCS#10 in PEM is expected', { cause })
      }
      if (!(await request.verify())) throw new AppError('invalid', 'the certificate request is not signed by its own key')
      const certificate = await sign(request.publicKey, `CN=${nodeId}`, NODE_CERTIFICATE_LIFETIME_MS, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ])
      return { pem: certificate.toString('pem'), sha256: sha256(certificate.rawData) }
    },
  }
}

/** Writes beside and links, so that of two programs that start together one wins and both read the same. */
async function readOrMake(path: string, make: () => Promise<string>): Promise<string> {
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  if (existing !== undefined) return existing
  const beside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(beside, await make(), { mode: 0o600, flush: true })
  try {
    await link(beside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await unlink(beside)
  }
  return readFile(path, 'utf8')
}

async function importPair(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(keyPem)
  const jwk = key.export({ format: 'jwk' })
  const { d: _private, ...publicJwk } = jwk
  return {
    privateKey: await webcrypto.subtle.importKey('jwk', jwk as webcrypto.JsonWebKey, ALGORITHM, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('jwk', publicJwk as webcrypto.JsonWebKey, ALGORITHM, true, ['verify']),
  }
}

function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - CERTIFICATE_BACKDATE_MS), notAfter: new Date(Date.now() + lifetimeMs) }
}

/** Positive and at most 20 octets (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] as number) & 0x7f
  return bytes.toString('hex')
}

function sha256(bytes: ArrayBuffer): string {
  return createHash('sha256').update(Buffer.from(bytes)).digest('hex')
}

function pemOf(der: ArrayBuffer, label: string): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
