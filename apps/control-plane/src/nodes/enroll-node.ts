import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { AppError } from '@berth/domain/app-error.js'
import { formatJoinToken } from '@berth/protocol/join-token.js'
import { JOIN_TOKEN_LIFETIME_MS } from '../limits.js'
import type { CertificateAuthority } from '../platform/certificate-authority.js'
import type { Sql } from '../platform/postgres.js'

const SECRET_BYTES = 32

export interface JoinTokenIssued {
  /** Shown once: only its digest is stored. */
  readonly token: string
  readonly expires: Date
}

/** A token that lets one agent in, within JOIN_TOKEN_LIFETIME_MS. */
export async function createJoinToken(sql: Sql, authority: CertificateAuthority): Promise<JoinTokenIssued> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const [row] = await sql<{ expires_time: Date }[]>`
    insert into node_join_tokens (token_sha256, expires_time)
    values (${digestOf(secret)}, now() + ${JOIN_TOKEN_LIFETIME_MS} * interval '1 millisecond') returning expires_time`
  if (row === undefined) throw new AppError('internal', 'the join token was not stored')
  return { token: formatJoinToken({ secret, authoritySha256: authority.fingerprint }), expires: row.expires_time }
}

export interface Enrolled {
  readonly nodeId: string
  readonly certificate: string
  readonly authority: string
}

/**
 * Uses a token up and signs the agent's key, in one transaction: a failure leaves the token unused, two agents never share one.
 * secret: the part before the dot. The comparison is of digests by index, so its time tells nothing about a secret.
 */
export async function enrollNode(
  deps: { readonly sql: Sql; readonly authority: CertificateAuthority },
  ask: { readonly secret: string; readonly csr: string; readonly hostname: string; readonly name: string },
): Promise<Enrolled> {
  return deps.sql.begin(async (tx) => {
    const used = await tx`
      update node_join_tokens set used_time = now()
      where token_sha256 = ${digestOf(ask.secret)} and used_time is null and expires_time > now() returning 1`
    if (used.length === 0) {
      throw new AppError(
        'unauthenticated',
        'this join token is unknown, was used, or has expired: make a new one with `berth node token`',
      )
    }
    const nodeId = randomUUID()
    const issued = await deps.authority.issueNode(ask.csr, nodeId)
    await tx`
      insert into nodes (id, name, hostname, certificate_sha256)
      values (${nodeId}, ${ask.name === '' ? ask.hostname : ask.name}, ${ask.hostname}, ${issued.sha256})`
    return { nodeId, certificate: issued.pem, authority: deps.authority.certificatePem }
  })
}

/** A new certificate for a node that proved its present one; the node's row decides whether it still belongs to the cluster. */
export async function renewNode(
  deps: { readonly sql: Sql; readonly authority: CertificateAuthority },
  nodeId: string,
  csr: string,
): Promise<{ readonly certificate: string }> {
  const issued = await deps.authority.issueNode(csr, nodeId)
  const updated = await deps.sql`update nodes set certificate_sha256 = ${issued.sha256} where id = ${nodeId} returning 1`
  if (updated.length === 0) throw new AppError('unauthenticated', 'this node does not belong to the cluster any more')
  return { certificate: issued.pem }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
