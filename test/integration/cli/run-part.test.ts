// `berth run PART`, as a service manager starts it: its own settings on a descriptor, its own account, its own exit status.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { descendantsOf, type HostProcess } from '@berth/testing/process-table.js'
import { BERTH_COMMAND, TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findAvailablePort } from './find-available-port.js'
import { runBerth } from './run-berth.js'

const SECRET = Buffer.alloc(32, 'hush').toString('base64')
const NET_BIND_SERVICE = 1n << 10n

let berth: TestBerth
let running: ChildProcess | undefined

beforeAll(async () => {
  // Only its directories, accounts and configuration: the parts are started one by one.
  berth = await TestBerth.prepare({
    bootstrapSecret: SECRET,
    settings: {
      Postgres: { URL: 'postgres://me:hush-hush@127.0.0.1:1/berth' },
      Redis: { URL: 'redis://:hush-hush@127.0.0.1:1' },
    },
  })
})

afterEach(async () => {
  if (running !== undefined && running.exitCode === null) {
    running.kill('SIGKILL')
    await waitFor('the part to notice', () => running?.signalCode !== null)
  }
  running = undefined
})
afterAll(async () => {
  await berth?.stop()
  await berth?.remove()
})

async function runPart(
  part: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ starter: ChildProcess; part: HostProcess }> {
  const starter = spawn(BERTH_COMMAND, ['run', part, '--config', berth.configFile], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  running = starter
  const found = await waitFor(`${part} to run`, () =>
    descendantsOf(starter.pid ?? 0).find((one) => one.argv.some((word) => word.endsWith(`apps/${part}/dist/main.js`))),
  )
  return { starter, part: found }
}

const ended = (child: ChildProcess) => waitFor('berth run to end', () => child.exitCode !== null || child.signalCode !== null)
const listens = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined
const capabilities = (pid: number, kind: string) =>
  BigInt(`0x${new RegExp(`^${kind}:\\s+(\\w+)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''}`)

test('the gateway runs as berth-gateway, without capabilities, and sees no secret of another part', async () => {
  const { starter, part } = await runPart('gateway')
  await waitFor('it to listen', () => listens(berth.record.port))
  const status = readFileSync(`/proc/${part.pid}/status`, 'utf8')
  expect(part.uid).not.toBe(0)
  expect(/^Groups:[\t ]*(.*)$/m.exec(status)?.[1]?.trim()).toBe('')
  expect(capabilities(part.pid, 'CapEff')).toBe(0n)
  for (const file of ['environ', 'cmdline']) expect(readFileSync(`/proc/${part.pid}/${file}`, 'utf8')).not.toContain('hush')
  starter.kill('SIGTERM')
  await ended(starter)
  expect(starter.exitCode).toBe(0)
})

test('when whoever started it is killed, the part ends', async () => {
  const { starter, part } = await runPart('gateway')
  await waitFor('it to listen', () => listens(berth.record.port))
  starter.kill('SIGKILL')
  await waitFor('the gateway to end', () => descendantsOf(part.pid).length === 0 && !isThere(part.pid))
})

test('R-004 a port below 1024 is opened by the gateway’s own account, with that one capability', async () => {
  const port = await findAvailablePort(700, 1_000)
  const { starter, part } = await runPart('gateway', { BERTH_HTTP_LISTEN: `127.0.0.1:${port}` })
  await waitFor('it to listen', () => listens(port))
  expect(part.uid).not.toBe(0)
  expect(capabilities(part.pid, 'CapEff')).toBe(NET_BIND_SERVICE)
  expect(capabilities(part.pid, 'CapBnd')).toBe(NET_BIND_SERVICE)
  starter.kill('SIGTERM')
  await ended(starter)
})

test('a taken port ends it with 78 and one line that says so', async () => {
  const taken: Server = createServer().listen(berth.record.port, '127.0.0.1')
  try {
    const done = await runBerth(['run', 'gateway', '--config', berth.configFile])
    expect(done.code).toBe(78)
    expect(done.err.trim().split('\n')).toHaveLength(1)
    expect(done.err).toContain(`port ${berth.record.port} is taken`)
  } finally {
    taken.close()
  }
})

test('an unknown part is refused', async () => {
  const done = await runBerth(['run', 'everything', '--config', berth.configFile])
  expect(done.code).not.toBe(0)
  expect(done.err).toContain('control-plane, agent, gateway')
})

function isThere(pid: number): boolean {
  try {
    return /^State:\s+[^ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
