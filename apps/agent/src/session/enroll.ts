import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { AppError } from '@berth/domain/app-error.js'
import { parseJoinToken } from '@berth/protocol/join-token.js'
import { createCertificateRequest } from './certificate-request.js'
import { type ControlPlaneAddress, requestJson, requestText } from './cluster-https.js'
import { type AgentIdentity, fingerprintOf } from './identity.js'

/**
 * Makes this host known: fetches the authority, compares it with the token's fingerprint, connects anew trusting only that
 * authority (its TLS handshake proves that the server's chain ends there), and only then sends the token's secret with a
 * certificate request. Throws AppError with what a person can do.
 */
export async function enroll(address: ControlPlaneAddress, joinToken: string): Promise<AgentIdentity> {
  const token = parseJoinToken(joinToken)
  // Nothing secret goes over this connection, and nothing from it is believed before the fingerprint matched.
  const authority = await requestText(address, { method: 'GET', path: '/ca', trust: 'anyone' })
  if (fingerprintOf(authority) !== token.authoritySha256) {
    throw new AppError(
      'forbidden',
      `${address.host}:${address.port} is not the control plane that made this join token: its authority has another fingerprint`,
    )
  }
  const { key, csr } = createCertificateRequest('berth-agent')
  const answer = await requestJson(address, {
    method: 'POST',
    path: '/enroll',
    trust: { authority },
    body: { token: token.secret, csr, hostname: hostname(), name: hostname() },
  })
  return checkedIdentity(answer, key, authority)
}

/** A new certificate under the present one. The authority may have changed with it. */
export async function renew(address: ControlPlaneAddress, identity: AgentIdentity): Promise<AgentIdentity> {
  const { key, csr } = createCertificateRequest('berth-agent')
  const answer = await requestJson(address, { method: 'POST', path: '/renew', trust: identity, body: { csr } })
  return checkedIdentity({ node_id: identity.nodeId, ...answer }, key, identity.authority)
}

function checkedIdentity(answer: Record<string, unknown>, key: string, authority: string): AgentIdentity {
  const nodeId = answer.node_id
  const certificate = answer.certificate
  const ca = answer.ca ?? authority
  if (typeof nodeId !== 'string' || typeof certificate !== 'string' || typeof ca !== 'string') {
    throw new AppError(
      'internal',
      `the control plane's answer to the enrolment lacks node_id, certificate or ca; is it of this version?`,
    )
  }
  if (!new X509Certificate(certificate).verify(new X509Certificate(ca).publicKey)) {
    throw new AppError('internal', 'the certificate that the control plane gave us is not signed by its own authority')
  }
  return { nodeId, key, certificate, authority: ca }
}
