// What bench (b) measures: a fast backend (1 KB from nginx over a Unix socket) and the proxies in front of it, each one process on
// one thread, each in a directory that goes with them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { AuthorizeVisitResponse, RouteServiceService, RouteSnapshot } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { Server, ServerCredentials } from '@grpc/grpc-js'

const ROOT = join(import.meta.dirname, '../..')
export const CONTENT_GUID = '11111111-2222-3333-4444-555555555555'
const PROCESS_ID = '01890000-0000-7000-8000-000000000001'

/** Ports that were free a moment ago. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => server.address().port)
  for (const server of servers) server.close()
  return ports
}

function nginxConfig(dir, name, server) {
  return `daemon off; master_process off; worker_processes 1; pid ${dir}/${name}.pid; error_log ${dir}/${name}.log error;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 60s; tcp_nodelay on; sendfile off; default_type text/plain;
client_body_temp_path ${dir}/${name}-1; proxy_temp_path ${dir}/${name}-2; fastcgi_temp_path ${dir}/${name}-3;
uwsgi_temp_path ${dir}/${name}-4; scgi_temp_path ${dir}/${name}-5;
${server} }
`
}

async function startNginx(dir, name, server, ready) {
  const config = join(dir, `${name}.conf`)
  writeFileSync(config, nginxConfig(dir, name, server))
  const child = spawn('nginx', ['-c', config, '-p', dir], { stdio: ['ignore', 'inherit', 'inherit'] })
  await ready()
  return child
}

/** 1 KB at every path, on a Unix socket and on a loopback port. */
export async function startBackend(dir, port) {
  mkdirSync(join(dir, 'www'), { recursive: true })
  writeFileSync(join(dir, 'www/1k'), Buffer.alloc(1024, 'x'))
  const socketPath = join(dir, 'backend.sock')
  const listen = `listen unix:${socketPath}; listen 127.0.0.1:${port};`
  const server = `server { ${listen} root ${dir}/www; location / { try_files /1k =404; } open_file_cache max=10; }`
  const child = await startNginx(dir, 'backend', server, () => answers(`http://127.0.0.1:${port}/`))
  return { child, socketPath, port }
}

export async function startNginxProxy(dir, port, backend) {
  const upstream = `upstream app { server unix:${backend.socketPath}; keepalive 128; keepalive_requests 100000000; }`
  const location = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'
  const server = `${upstream} server { listen 127.0.0.1:${port}; location / { ${location} } }`
  return {
    child: await startNginx(dir, 'proxy', server, () => answers(`http://127.0.0.1:${port}/`)),
    url: `http://127.0.0.1:${port}/`,
  }
}

/** @param target http://host:port, or http+unix:// and the encoded path */
export async function startConfigurableHttpProxy(port, apiPort, target) {
  const program = join(ROOT, 'node_modules/configurable-http-proxy/bin/configurable-http-proxy')
  const at = ['--ip', '127.0.0.1', '--port', String(port), '--api-ip', '127.0.0.1', '--api-port', String(apiPort)]
  const child = spawn(process.execPath, [program, ...at, '--default-target', target, '--log-level', 'error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await answers(`http://127.0.0.1:${port}/`)
  return { child, url: `http://127.0.0.1:${port}/` }
}

/**
 * The built gateway as it runs in production: routes from a control plane, a visitor who is signed in to content with
 * restricted access, the sticky cookie, identity and prefix headers.
 */
export async function startGateway(dir, backend) {
  const controlSocket = join(dir, 'control.sock')
  const routes = await startRouteService(controlSocket, backend.socketPath)
  const child = spawn(process.execPath, [join(ROOT, 'apps/gateway/dist/main.js')], {
    stdio: ['ignore', 'inherit', 'pipe', 'pipe'],
  })
  const settings = {
    listen: { host: '127.0.0.1', port: 0 },
    controlSocket,
    httpSocket: join(dir, 'http.sock'),
    address: null,
    trustedProxies: [],
    frameOptionsContent: '',
    frameOptionsDashboard: 'DENY',
  }
  child.stdio[3].write(`${JSON.stringify(settings)}\n`)
  const port = await new Promise((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const ready = /"listen":\{"host":"[^"]*","port":(\d+)\}/.exec(line)
      if (ready !== null) resolve(Number(ready[1]))
      else if (!line.includes('"level":30')) console.error(line)
    })
  })
  const headers = { Cookie: `berth_session=bench; berth_process=${PROCESS_ID}.benchvisit; other=1` }
  const url = `http://127.0.0.1:${port}/content/${CONTENT_GUID}/1k`
  await answers(url, headers)
  return { child, url, headers, port, close: () => routes.forceShutdown() }
}

async function startRouteService(controlSocket, socketPath) {
  const snapshot = RouteSnapshot.fromPartial({
    generation: 1n,
    contents: [
      {
        contentGuid: CONTENT_GUID,
        contentId: 1n,
        activeBundleId: 1n,
        accessType: 'acl',
        rightsVersion: 1n,
        bundles: [
          {
            bundleId: 1n,
            appMode: 'python-api',
            initTimeoutMs: 60_000,
            connectionTimeoutMs: 3_600_000,
            readTimeoutMs: 3_600_000,
            processes: [{ processId: PROCESS_ID, socketPath }],
          },
        ],
      },
    ],
  })
  const server = new Server()
  server.addService(RouteServiceService, {
    watchRoutes: (call) => call.write(snapshot),
    acquireProcess: (_call, done) => done(null, { outcome: undefined }),
    authorizeVisit: (_call, done) =>
      done(
        null,
        AuthorizeVisitResponse.fromPartial({
          decision: 'allow',
          visitor: { userGuid: 'u', username: 'bench', groups: ['everybody', 'staff'] },
          cacheMs: 30_000,
        }),
      ),
    reportLoad: (call, done) => {
      call.on('data', () => {})
      call.on('end', () => done(null, {}))
    },
  })
  await new Promise((resolve, reject) => {
    server.bindAsync(`unix://${controlSocket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    )
  })
  return server
}

const ANSWER_WITHIN_MS = 10_000

async function answers(url, headers = {}) {
  const endMs = Date.now() + ANSWER_WITHIN_MS
  for (;;) {
    const status = await fetch(url, { headers }).then(
      async (response) => {
        const body = await response.text()
        return response.status === 200 && body.length === 1024 ? 200 : response.status
      },
      (error) => error.cause?.code ?? error.message,
    )
    if (status === 200) return
    if (Date.now() > endMs) throw new Error(`${url} does not answer: ${status}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** User and system time of a process so far, in seconds. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export async function stopChild(child) {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

export function removeDirectory(dir) {
  if (dirname(dir) !== '/') rmSync(dir, { recursive: true, force: true })
}
