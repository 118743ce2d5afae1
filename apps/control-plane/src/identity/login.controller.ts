import { randomBytes } from 'node:crypto'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { readCookies, SESSION_COOKIE, XSRF_COOKIE } from '@berth/domain/routing/cookies.js'
import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { loginPage } from '../http/login-page.js'
import { type PublicUrl, publicUrl, visitorAddress } from '../http/public-url.js'
import { RawBody } from '../http/read-body.js'
import { Public } from '../http/request-context.js'
import { safeReturnPath } from '../http/safe-return-path.js'
import { IDENTITY_ROOM, SETTINGS } from '../http/tokens.js'
import type { IdentityRoom } from './identity-room.js'

const WRONG = 'The user name or the password is wrong.'

/** Sign-in and sign-out for browsers. Source: publisher-api 1.7. */
@Controller()
@Public({ credential: 'own' })
export class LoginController {
  private readonly identity: IdentityRoom
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(IDENTITY_ROOM) identity: IdentityRoom, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.identity = identity
    this.settings = settings
  }

  @Get('/__login__')
  show(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Query('url') url: unknown): void {
    this.sendPage(request, reply, 200, { notice: '', username: '', url: typeof url === 'string' ? url : undefined })
  }

  @Post('/__login__')
  async signIn(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Body() body: unknown): Promise<void> {
    const here = publicUrl(request, this.settings.address)
    const form = body instanceof RawBody ? body.form() : new URLSearchParams()
    const username = form.get('username') ?? ''
    const url = form.get('url') ?? undefined
    const again = (status: number, notice: string): void => this.sendPage(request, reply, status, { notice, username, url })
    if (!isFromThisSite(request, here)) return again(403, 'The form came from another site. Sign in here.')
    if (username === '' || form.get('password') === null) return again(400, 'Enter your user name and your password.')
    const result = await this.identity.signIn({
      username,
      password: form.get('password') ?? '',
      address: visitorAddress(request),
    })
    switch (result.kind) {
      case 'refused':
        return again(401, WRONG)
      case 'throttled':
        reply.header('retry-after', String(result.retryAfterS))
        return again(429, `Too many attempts. Try again in ${Math.ceil(result.retryAfterS / 60)} minutes.`)
      case 'signed_in': {
        const attributes = `Path=${here.prefix}/; SameSite=Lax${here.secure ? '; Secure' : ''}; Expires=${result.expires.toUTCString()}`
        reply.header('set-cookie', [
          `${SESSION_COOKIE}=${result.token}; HttpOnly; ${attributes}`,
          `${XSRF_COOKIE}=${result.xsrfToken}; ${attributes}`,
        ])
        reply
          .code(303)
          .header('location', safeReturnPath(url) ?? `${here.prefix}/connect/`)
          .send()
      }
    }
  }

  @Get('/__logout__')
  async leave(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.signOut(request, reply)
  }

  @Post('/__logout__')
  async signOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const here = publicUrl(request, this.settings.address)
    const token = readCookies(request.headers.cookie).session
    if (token !== undefined) await this.identity.signOut(token)
    const gone = `Path=${here.prefix}/; SameSite=Lax; Max-Age=0`
    reply.header('set-cookie', [`${SESSION_COOKIE}=; HttpOnly; ${gone}`, `${XSRF_COOKIE}=; ${gone}`])
    reply.code(303).header('location', `${here.prefix}/__login__`).send()
  }

  private sendPage(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    page: { readonly notice: string; readonly username: string; readonly url: string | undefined },
  ): void {
    const { prefix } = publicUrl(request, this.settings.address)
    const nonce = randomBytes(16).toString('base64')
    const html = loginPage({ ...page, nonce, prefix, returnPath: safeReturnPath(page.url) ?? '' })
    reply
      .code(status)
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      })
      .send(html)
  }
}

/** A form of another site would sign the visitor in as somebody else. Clients without these headers are no browsers. */
function isFromThisSite(request: FastifyRequest, here: PublicUrl): boolean {
  const site = request.headers['sec-fetch-site']
  if (typeof site === 'string') return site === 'same-origin' || site === 'none'
  const { origin } = request.headers
  if (origin === undefined) return true
  if (origin === here.origin) return true
  return URL.canParse(origin) && new URL(origin).host === request.headers.host
}
