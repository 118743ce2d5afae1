// Secrets at rest: AES-256-GCM under a key file that only the control plane's account can read.
// The key's id is in the sealed bytes, so that a new key can be put first in the file and old values still open.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'

const FORMAT = 1
const KEY_BYTES = 32
const KEY_ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES

export interface SecretBox {
  /** `context` is authenticated, not stored: a value sealed for one place does not open in another. */
  seal(plain: string, context: string): Buffer
  /** Throws when the bytes were not sealed by us, for this context, under a key in the file. */
  open(sealed: Uint8Array, context: string): string
}

/** keys: the newest first; every one of 32 bytes. */
export function createSecretBox(keys: readonly Uint8Array[]): SecretBox {
  const newest = keys[0]
  if (newest === undefined || keys.some((key) => key.length !== KEY_BYTES))
    throw new AppError('internal', 'the secret key file holds no key of 32 bytes')
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), key]))
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', newest, nonce).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(FORMAT), keyId(newest), nonce, body, cipher.getAuthTag()])
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed)
      if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== FORMAT)
        throw new AppError('internal', 'a stored secret has an unknown format')
      const key = byId.get(bytes.subarray(1, 1 + KEY_ID_BYTES).toString('hex'))
      if (key === undefined)
        throw new AppError('internal', 'a stored secret was sealed with a key that is not in the secret key file')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1 + KEY_ID_BYTES, HEADER_BYTES)).setAAD(
        Buffer.from(context),
      )
      decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
      try {
        return decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES)).toString('utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new AppError('internal', 'a stored secret does not open: it was changed or belongs elsewhere', { cause })
      }
    },
  }
}

/** Context under which a content's variable is sealed: both sides of the room use this one. */
export function contentVariableContext(contentGuid: string, name: string): string {
  return `content_environment ${contentGuid} ${name}`
}

/** Reads the key file (one base64 key per line, newest first); makes it, mode 0600, when it is missing. */
export async function openSecretBox(path: string): Promise<SecretBox> {
  const text = await readFile(path, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new AppError('internal', `cannot read the secret key file ${path}`, { cause: error })
    return makeKeyFile(path)
  })
  const keys = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Buffer.from(line.trim(), 'base64'))
  return createSecretBox(keys)
}

async function makeKeyFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const beside = `${path}.${randomBytes(8).toString('hex')}`
  await writeFile(beside, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flush: true })
  try {
    // link, not rename: of two programs that start together the first one's key stays.
    await link(beside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await unlink(beside)
  }
  return readFile(path, 'utf8')
}

function keyId(key: Uint8Array): Buffer {
  return createHash('sha256').update('berth secret key').update(key).digest().subarray(0, KEY_ID_BYTES)
}
