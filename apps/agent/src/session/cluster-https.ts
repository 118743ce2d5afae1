import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { AppError } from '@berth/domain/app-error.js'
import { CONTROL_PLANE_SERVER_NAME } from '@berth/protocol/join-token.js'
import { BUNDLE_STALL_MS, ENROLL_ANSWER_BYTES_MAX, ENROLL_TIMEOUT_MS } from '../limits.js'

// The file and enrolment half of the cluster listener: HTTP/1.1, told from gRPC by ALPN.

export interface ControlPlaneAddress {
  readonly host: string
  readonly port: number
}

export type Trust = 'anyone' | { readonly authority: string; readonly key?: string; readonly certificate?: string }

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly trust: Trust
  readonly body?: object
}

export async function requestJson(address: ControlPlaneAddress, call: Call): Promise<Record<string, unknown>> {
  const text = await requestText(address, call)
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new AppError('internal', `${call.path} of the control plane did not answer with JSON`, { cause })
  }
}

export async function requestText(address: ControlPlaneAddress, call: Call): Promise<string> {
  const response = await openResponse(address, call, {
    timeoutMs: ENROLL_TIMEOUT_MS,
    signal: AbortSignal.timeout(ENROLL_TIMEOUT_MS),
  })
  let text = ''
  response.setEncoding('utf8')
  for await (const piece of response) {
    text += String(piece)
    if (text.length > ENROLL_ANSWER_BYTES_MAX)
      throw new AppError('too_large', `${call.path} of the control plane answered with too much`)
  }
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return text
  throw new AppError(
    status === 401 || status === 403 ? 'forbidden' : 'unavailable',
    `${call.path} of the control plane answered ${status}: ${text.slice(0, 500)}`,
  )
}

/** Status and a body still to be read, over mutual TLS; ends when nothing moves for BUNDLE_STALL_MS. */
export function openDownload(
  address: ControlPlaneAddress,
  path: string,
  trust: Trust,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return openResponse(address, { method: 'GET', path, trust }, { timeoutMs: BUNDLE_STALL_MS, signal })
}

function openResponse(
  address: ControlPlaneAddress,
  call: Call,
  bounds: { timeoutMs: number; signal: AbortSignal },
): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
  const options: RequestOptions = {
    host: address.host,
    port: address.port,
    method: call.method,
    path: call.path,
    servername: CONTROL_PLANE_SERVER_NAME,
    minVersion: 'TLSv1.3',
    agent: false,
    timeout: bounds.timeoutMs,
    signal: bounds.signal,
    headers: {
      host: CONTROL_PLANE_SERVER_NAME,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    },
    ...tlsOf(call.trust),
  }
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) =>
      reject(
        new AppError('unavailable', `cannot reach the control plane at ${address.host}:${address.port} (${call.path})`, {
          cause,
        }),
      )
    const outgoing = request(options, resolve)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no data for ${bounds.timeoutMs} ms`)))
    outgoing.on('error', failed)
    outgoing.end(body)
  })
}

function tlsOf(trust: Trust): RequestOptions {
  if (trust === 'anyone') return { rejectUnauthorized: false }
  return {
    ca: trust.authority,
    ...(trust.key !== undefined && trust.certificate !== undefined ? { key: trust.key, cert: trust.certificate } : {}),
  }
}
