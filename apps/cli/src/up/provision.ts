// The first administrator of a fresh single-host Berth, made through the same bootstrap call that clients use.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'

export interface Administrator {
  readonly name: string
  readonly password: string
  readonly apiKey: string
}

export const BOOTSTRAP_ADMINISTRATOR = '__bootstrap_admin__'
const TOKEN_LIFE_S = 300

/** Root-only file with the administrator's name, password and API key. */
export function administratorFile(dataDir: string): string {
  return join(dataDir, 'administrator.txt')
}

export function readAdministrator(dataDir: string): Administrator | undefined {
  const path = administratorFile(dataDir)
  if (!existsSync(path)) return undefined
  const value = (name: string) => readFileSync(path, 'utf8').match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? ''
  return { name: value('name'), password: value('password'), apiKey: value('api key') }
}

/** undefined when users exist already: then somebody else provisioned this installation. */
export async function bootstrapAdministrator(
  base: string,
  dataDir: string,
  secretKeyBase64: string,
  setPassword: (name: string, password: string) => Promise<void>,
): Promise<Administrator | undefined> {
  const token = await new SignJWT({ scope: 'bootstrap' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer('rsconnect-python')
    .setAudience('rsconnect')
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_LIFE_S}s`)
    .sign(Buffer.from(secretKeyBase64, 'base64'))
  const response = await fetch(`${base}/__api__/v1/experimental/bootstrap`, {
    method: 'POST',
    headers: { authorization: `Connect-Bootstrap ${token}` },
  })
  if (response.status === 403) return undefined
  if (!response.ok) throw new Error(`bootstrap answered ${response.status}: ${await response.text()}`)
  const { api_key } = (await response.json()) as { api_key: string }
  const administrator = { name: BOOTSTRAP_ADMINISTRATOR, password: randomBytes(12).toString('base64url'), apiKey: api_key }
  await setPassword(administrator.name, administrator.password)
  writeAdministrator(dataDir, administrator)
  return administrator
}

function writeAdministrator(dataDir: string, administrator: Administrator): void {
  const path = administratorFile(dataDir)
  const text = [
    'The first administrator of this Berth. Change the password with: berth user set-password NAME',
    `name: ${administrator.name}`,
    `password: ${administrator.password}`,
    `api key: ${administrator.apiKey}`,
    '',
  ].join('\n')
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
