import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What the agent shows to the control plane, and whom it trusts. All PEM. */
export interface AgentIdentity {
  readonly nodeId: string
  readonly key: string
  readonly certificate: string
  readonly authority: string
}

/** stateDir/identity, root only. undefined = not enrolled. One file, so that key and certificate cannot be of two enrolments. */
export async function loadIdentity(stateDir: string): Promise<AgentIdentity | undefined> {
  try {
    return JSON.parse(await readFile(identityFile(stateDir), 'utf8')) as AgentIdentity
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`cannot read ${identityFile(stateDir)}; remove it to enrol this host again`, { cause: error })
  }
}

export async function storeIdentity(stateDir: string, identity: AgentIdentity): Promise<void> {
  const file = identityFile(stateDir)
  await mkdir(join(stateDir, 'identity'), { recursive: true, mode: 0o700 })
  const beside = `${file}.${process.pid}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(identity))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}

export async function forgetIdentity(stateDir: string): Promise<void> {
  await rm(identityFile(stateDir), { force: true })
}

/** SHA-256 of a certificate in DER, hex: what a join token carries of the authority. */
export function fingerprintOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')
}

/** Part of the certificate's life that is left: 1 = new, 0 = expired. */
export function lifeLeft(pem: string, nowMs: number): number {
  const certificate = new X509Certificate(pem)
  const from = Date.parse(certificate.validFrom)
  const to = Date.parse(certificate.validTo)
  return Math.min(1, Math.max(0, (to - nowMs) / (to - from)))
}

function identityFile(stateDir: string): string {
  return join(stateDir, 'identity', 'identity.json')
}
