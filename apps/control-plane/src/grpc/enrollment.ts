import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { AppError, type AppErrorCode, errorChain } from '@berth/domain/app-error.js'
import { isUuid } from '@berth/domain/ids.js'
import { ENROLL_BODY_BYTES_MAX } from '../limits.js'
import { enrollNode, renewNode } from '../nodes/enroll-node.js'
import { nodeExists } from '../nodes/node.store.js'
import type { CertificateAuthority } from '../platform/certificate-authority.js'
import type { Sql } from '../platform/postgres.js'
import type { Log } from '../telemetry.js'
import { sendBundle } from './artifact.js'

const HTTP_STATUS = {
  internal: 500,
  unavailable: 503,
  not_found: 404,
  unauthenticated: 401,
  forbidden: 403,
  conflict: 409,
  invalid: 400,
  too_large: 413,
  too_many: 429,
  unsupported: 501,
} as const satisfies Record<AppErrorCode, number>

export interface EnrollmentDeps {
  readonly sql: Sql
  readonly authority: CertificateAuthority
  readonly dataDir: string
  readonly log: Log
}

/**
 * The http/1.1 half of the cluster listener (docs/decisions/0001): the authority, enrolment, renewal, archives.
 * Errors are `{"error": "<sentence>"}`.
 */
export function handleClusterRequest(deps: EnrollmentDeps, request: IncomingMessage, response: ServerResponse): void {
  answer(deps, request, response).catch((error: unknown) => {
    const status = error instanceof AppError ? HTTP_STATUS[error.code] : 503
    deps.log.warn({ method: request.method, url: request.url, status, error: errorChain(error) }, 'a request of an agent failed')
    if (response.headersSent) {
      response.destroy()
      return
    }
    const text = error instanceof AppError ? error.message : 'the control plane cannot answer now: try again'
    sendJson(response, status, { error: text })
  })
}

async function answer(deps: EnrollmentDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] as string
  const route = `${request.method} ${path}`
  if (route === 'GET /ca') {
    response.writeHead(200, { 'content-type': 'application/x-pem-file' }).end(deps.authority.certificatePem)
    return
  }
  if (route === 'POST /enroll') {
    const body = await readJson(request)
    // The whole token or its secret half: an agent that has checked the fingerprint needs to send only the secret.
    const secret = textOf(body, 'token').split('.')[0] as string
    const enrolled = await enrollNode(deps, {
      secret,
      csr: textOf(body, 'csr'),
      hostname: textOf(body, 'hostname'),
      name: typeof body.name === 'string' ? body.name : '',
    })
    deps.log.info({ node: enrolled.nodeId, hostname: body.hostname }, 'a host has joined')
    sendJson(response, 200, { node_id: enrolled.nodeId, certificate: enrolled.certificate, ca: enrolled.authority })
    return
  }
  const nodeId = certifiedNode(request)
  if (nodeId === undefined || !(await nodeExists(deps.sql, nodeId))) {
    throw new AppError('unauthenticated', 'a certificate of a node of this cluster is needed')
  }
  if (route === 'POST /renew') {
    const renewed = await renewNode(deps, nodeId, textOf(await readJson(request), 'csr'))
    sendJson(response, 200, { node_id: nodeId, certificate: renewed.certificate, ca: deps.authority.certificatePem })
    return
  }
  const artifact = /^\/artifacts\/bundles\/([^/]+)$/.exec(path)
  if (artifact !== null && (request.method === 'GET' || request.method === 'HEAD')) {
    await sendBundle(deps, nodeId, artifact[1] as string, request, response)
    return
  }
  throw new AppError('not_found', 'no such address')
}

function certifiedNode(request: IncomingMessage): string | undefined {
  const socket = request.socket
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const name = socket.getPeerCertificate().subject?.CN
  return typeof name === 'string' && isUuid(name) ? name : undefined
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > ENROLL_BODY_BYTES_MAX) throw new AppError('too_large', `the body is over ${ENROLL_BODY_BYTES_MAX} bytes`)
    parts.push(part)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
  } catch {
    // Not JSON: said below, as for JSON that is no object.
  }
  throw new AppError('invalid', 'a JSON object is expected')
}

function textOf(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new AppError('invalid', `"${name}" must be text`)
  return value
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
