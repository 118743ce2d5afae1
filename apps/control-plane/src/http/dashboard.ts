import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IdentityRoom } from '../identity/identity-room.js'
import { readCredential } from '../identity/read-credential.js'
import { publicUrl } from './public-url.js'

/**
 * The page at /connect/: static files for everybody, but whoever opens the page itself without a session is sent to sign in.
 * What the page shows comes from the API, which asks again.
 */
export async function registerDashboard(
  instance: FastifyInstance,
  deps: {
    readonly identity: IdentityRoom
    readonly settings: { readonly dashboardDir: string; readonly address: string | null }
  },
): Promise<void> {
  const { identity, settings } = deps
  const redirect = (request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply =>
    reply
      .code(302)
      .header('cache-control', 'no-store')
      .header('location', `${publicUrl(request, settings.address).prefix}${path}`)
      .send()

  instance.get('/', (request, reply) => redirect(request, reply, '/connect/'))
  instance.get('/connect', (request, reply) => redirect(request, reply, '/connect/'))
  await instance.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      const path = request.url.split('?')[0]
      if (path !== '/connect/' && path !== '/connect/index.html') return
      const caller = await identity.authenticate(readCredential(request.headers))
      if (caller.kind === 'user') return
      const prefix = publicUrl(request, settings.address).prefix
      return redirect(request, reply, `/__login__?url=${encodeURIComponent(`${prefix}/connect/`)}`)
    })
    await scope.register(fastifyStatic, {
      root: settings.dashboardDir,
      prefix: '/connect/',
      decorateReply: false,
      setHeaders: (reply) => {
        reply.header('x-content-type-options', 'nosniff')
        reply.header('referrer-policy', 'same-origin')
        reply.header('cache-control', 'no-cache')
      },
    })
  })
}
