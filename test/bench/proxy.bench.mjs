// Bench (b): HTTP through the gateway to 1 KB from a fast backend over a Unix socket, interleaved with nginx and
// configurable-http-proxy, one process and one thread each. Goals: at least 0.25 of nginx and 3 times configurable-http-proxy in
// requests per second; at 1,000 requests per second at most 3 ms added at the 95th percentile.
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openLoop } from './open-loop.mjs'
import {
  cpuSeconds,
  freePorts,
  removeDirectory,
  startBackend,
  startConfigurableHttpProxy,
  startGateway,
  startNginxProxy,
  stopChild,
} from './proxied-backend.mjs'
import { median, printTable, quantile, shuffled, versionOf, writeResults } from './record-results.mjs'

const PROXY_CORE = 1
const LOAD_CORE = 0
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const SECONDS = 5
const WARM_UP_SECONDS = 2
const CONNECTIONS = 64
const OF_NGINX_GOAL = 0.25
const OF_CHP_GOAL = 3
const PACED_PER_SECOND = 1_000
const PACED_SECONDS = 5
const PACED_ROUNDS = 5
const PACED_CONNECTIONS = 32
const ADDED_P95_MS_GOAL = 3

const dir = mkdtempSync(join(tmpdir(), 'berth-bench-proxy-'))
const children = []
let gateway
try {
  const ports = await freePorts(6)
  const backend = await startBackend(dir, ports[0])
  children.push(backend.child)
  gateway = await startGateway(dir, backend)
  const ways = {
    nginx: await startNginxProxy(dir, ports[1], backend),
    gateway,
    // Towards Unix sockets it keeps no connections. Over TCP it does, so that is shown too: its best against another backend.
    'configurable-http-proxy, Unix socket': await startConfigurableHttpProxy(
      ports[2],
      ports[3],
      `http+unix://${encodeURIComponent(backend.socketPath)}`,
    ),
    'configurable-http-proxy, TCP': await startConfigurableHttpProxy(ports[4], ports[5], `http://127.0.0.1:${backend.port}`),
  }
  for (const way of Object.values(ways)) {
    children.push(way.child)
    pin(way.child.pid, PROXY_CORE)
  }
  pin(backend.child.pid, LOAD_CORE)
  pin(process.pid, LOAD_CORE)

  const closed = await closedLoop(ways)
  // Far below a core's worth of work: there the kernel places everybody, as it does in production.
  for (const pid of [...children.map((child) => child.pid), process.pid]) pin(pid, `${LOAD_CORE},${PROXY_CORE}`)
  const paced = await pacedLoop(backend, ways.nginx, gateway)
  report(closed, paced)
} finally {
  gateway?.close()
  for (const child of children.reverse()) await stopChild(child)
  removeDirectory(dir)
}

/** One core for the proxy, another one for backend and load: all threads of the process. */
function pin(pid, core) {
  execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' })
}

async function closedLoop(ways) {
  const raw = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  for (const way of Object.values(ways)) await wrk(way, WARM_UP_SECONDS)
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of shuffled(Object.keys(ways))) raw[name].push(await wrk(ways[name], SECONDS))
  }
  return raw
}

async function wrk(way, seconds) {
  const headers = Object.entries(way.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const before = cpuSeconds(way.child.pid)
  const args = ['-t2', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', ...headers, way.url]
  const { stdout } = await promisify(execFile)('wrk', args)
  const cpu = cpuSeconds(way.child.pid) - before
  const wrong = /Non-2xx.*|Socket errors.*/.exec(stdout)
  if (wrong !== null) throw new Error(`${way.url}: ${wrong[0]}`)
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1])
  const requests = Number(/(\d+) requests in/.exec(stdout)[1])
  return {
    perSecond,
    p50Ms: latency(stdout, 50),
    p99Ms: latency(stdout, 99),
    cpuUsPerRequest: (cpu * 1e6) / requests,
    cpuShare: cpu / seconds,
  }
}

function latency(stdout, percent) {
  const [, value, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout)
  return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit]
}

async function pacedLoop(backend, nginx, gatewayWay) {
  const pace = { perSecond: PACED_PER_SECOND, seconds: PACED_SECONDS, connections: PACED_CONNECTIONS }
  const path = new URL(gatewayWay.url).pathname
  const lines = [`GET ${path} HTTP/1.1`, 'Host: bench', `Cookie: ${gatewayWay.headers.Cookie}`, '', '']
  const request = Buffer.from(lines.join('\r\n'))
  const targets = {
    direct: { socketPath: backend.socketPath },
    // What any proxy adds on this machine as busy as it is.
    nginx: { port: Number(new URL(nginx.url).port) },
    gateway: { port: gatewayWay.port },
  }
  const raw = { direct: [], nginx: [], gateway: [] }
  for (const name of Object.keys(targets)) await openLoop(targets[name], request, { ...pace, seconds: 2 })
  for (let round = 0; round < PACED_ROUNDS; round += 1) {
    for (const name of shuffled(Object.keys(targets))) raw[name].push(await openLoop(targets[name], request, pace))
  }
  return raw
}

function report(closed, paced) {
  const rate = (name) => median(closed[name].map((round) => round.perSecond))
  const ofNginx = rate('gateway') / rate('nginx')
  const ofChp = rate('gateway') / rate('configurable-http-proxy, Unix socket')
  const ofChpTcp = rate('gateway') / rate('configurable-http-proxy, TCP')
  printTable([
    ['proxy', 'requests/s', 'least', 'most', 'of nginx', 'p50 ms', 'p99 ms', 'CPU µs each', 'CPU share'],
    ...Object.entries(closed).map(([name, rounds]) => {
      const rates = rounds.map((round) => round.perSecond)
      const mid = (key) => median(rounds.map((round) => round[key]))
      const numbers = [Math.round(median(rates)), Math.round(Math.min(...rates)), Math.round(Math.max(...rates))].map(String)
      return [
        name,
        ...numbers,
        median(rates) / rate('nginx'),
        mid('p50Ms'),
        mid('p99Ms'),
        mid('cpuUsPerRequest'),
        mid('cpuShare'),
      ]
    }),
  ])
  const p95 = (name) => median(paced[name].map((round) => quantile(round, 0.95)))
  const p50 = (name) => median(paced[name].map((round) => quantile(round, 0.5)))
  const addedP95Ms = p95('gateway') - p95('direct')
  console.log(`\nat ${PACED_PER_SECOND} requests per second, open loop:`)
  printTable([
    ['way', 'p50 ms', 'p95 ms'],
    ['direct', p50('direct'), p95('direct')],
    ['nginx', p50('nginx'), p95('nginx')],
    ['gateway', p50('gateway'), p95('gateway')],
  ])
  const met = (good) => (good ? 'met' : 'MISSED')
  console.log()
  printTable([
    ['goal', 'measured', 'wanted', ''],
    ['gateway of nginx', ofNginx, `≥ ${OF_NGINX_GOAL}`, met(ofNginx >= OF_NGINX_GOAL)],
    ['gateway of configurable-http-proxy', ofChp, `≥ ${OF_CHP_GOAL}`, met(ofChp >= OF_CHP_GOAL)],
    ['the same, it over TCP', ofChpTcp, '', 'not the same backend'],
    ['added at p95, ms', addedP95Ms, `≤ ${ADDED_P95_MS_GOAL}`, met(addedP95Ms <= ADDED_P95_MS_GOAL)],
  ])
  writeResults('proxy', {
    versions: { nginx: versionOf('sh', ['-c', 'nginx -v 2>&1']), wrk: versionOf('sh', ['-c', 'wrk -v 2>&1 | head -1']) },
    goals: { ofNginx: OF_NGINX_GOAL, ofConfigurableHttpProxy: OF_CHP_GOAL, addedP95Ms: ADDED_P95_MS_GOAL },
    measured: { ofNginx, ofConfigurableHttpProxy: ofChp, ofConfigurableHttpProxyOverTcp: ofChpTcp, addedP95Ms },
    closed_loop: { connections: CONNECTIONS, seconds: SECONDS, rounds: closed },
    open_loop: {
      perSecond: PACED_PER_SECOND,
      unit: 'µs, in the order of the answers',
      rounds: Object.fromEntries(
        Object.entries(paced).map(([name, rounds]) => [
          name,
          rounds.map((round) => round.map((ms) => Math.round(ms * 1000)).join(' ')),
        ]),
      ),
    },
  })
  if (ofNginx < OF_NGINX_GOAL || ofChp < OF_CHP_GOAL || addedP95Ms > ADDED_P95_MS_GOAL) process.exitCode = 1
}
