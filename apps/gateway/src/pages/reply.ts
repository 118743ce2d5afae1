import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { discardRest } from '../exchange.js'
import { RETRY_AFTER_S } from '../limits.js'
import { type ErrorReport, errorJson, errorPage } from './error-page.js'

/** Answers with a page for browsers and an error body for programs. */
export function replyError(req: IncomingMessage, res: ServerResponse, html: boolean, report: ErrorReport): void {
  if (res.headersSent || res.destroyed) return
  const { headers, body } = render(html, report)
  res.writeHead(report.status, headers)
  if (req.method === 'HEAD') res.end()
  else res.end(body)
  discardRest(req)
}

export function replyRedirect(req: IncomingMessage, res: ServerResponse, location: string): void {
  res.writeHead(302, ['Location', location, 'Cache-Control', 'no-store', 'Content-Length', '0'])
  res.end()
  discardRest(req)
}

/** The same for a connection that asked for an upgrade and has no response object. */
export function refuseUpgrade(socket: Duplex, html: boolean, report: ErrorReport): void {
  const { headers, body } = render(html, report)
  let head = `HTTP/1.1 ${report.status} ${STATUS_CODES[report.status] ?? ''}\r\nConnection: close\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]))
}

function render(html: boolean, report: ErrorReport): { headers: string[]; body: Buffer } {
  const body = Buffer.from(html ? errorPage(report) : errorJson(report))
  const headers = [
    'Content-Type',
    html ? 'text/html; charset=utf-8' : 'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
  ]
  if (html)
    headers.push('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'", 'X-Content-Type-Options', 'nosniff')
  if (report.status === 503) headers.push('Retry-After', String(RETRY_AFTER_S))
  if (report.status === 405) headers.push('Allow', 'GET, HEAD')
  return { headers, body }
}
