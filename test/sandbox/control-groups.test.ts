// The leaves that hold one process, on whatever hierarchies this host has.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  buildLauncher,
  ControlConnection,
  LAUNCHERS,
  type LauncherBuild,
  LauncherScene,
  launch,
  readExitRecord,
  runToEnd,
} from './launcher-driver.js'

/** Mount points of the hierarchies: version 1 ones with a controller we use, and the unified one. */
const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter((line) => / - cgroup2? /.test(line))
  .map((line) => ({ path: line.split(' ')[4] ?? '', version: / - cgroup2 /.test(line) ? 2 : 1 }))
  .filter(({ path, version }) => version === 2 || /\/(memory|pids|cpu)$/.test(path))
const memory = hierarchies.find(({ path, version }) => version === 1 && path.endsWith('/memory'))

function made(name: string): string[] {
  return hierarchies.flatMap(({ path }) => {
    const leaf = join(path, name)
    try {
      mkdirSync(leaf)
      return [leaf]
    } catch {
      return [] // read-only here
    }
  })
}

describe.each(Object.keys(LAUNCHERS) as LauncherBuild[])('%s launcher', (build) => {
  let binary: string
  let scene: LauncherScene
  let leaves: string[]
  beforeAll(() => {
    binary = buildLauncher(build)
    scene = new LauncherScene({ uid: 65_534, gid: 65_534 })
    leaves = made(`berth-launcher-test-${process.pid}-${build}`)
  })
  afterAll(async () => {
    for (const leaf of leaves) {
      await waitFor(`${leaf} to be empty`, () => {
        rmdirSync(leaf)
        return true
      })
    }
    scene.remove()
  })

  test('init and target are in every leaf before the target runs; the monitor is in none', async ({ skip }) => {
    if (leaves.length === 0) skip('no cgroup hierarchy is writable here')
    const plan = scene.plan(['/bin/sh', '-c', 'cat /proc/self/cgroup; read x || sleep 60'], { cgroups: leaves })
    const running = launch({ binary, plan, runDir: plan.runDir })
    const { pid, init, monitor } = await running.event('started')
    for (const leaf of leaves) {
      const members = readFileSync(join(leaf, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number)
      expect(members).toEqual(expect.arrayContaining([pid, init]))
      expect(members).not.toContain(monitor)
    }
    await using control = await ControlConnection.open(plan.runDir)
    expect(await control.ask('kill')).toBe('ok')
    expect(await running.exitCode).toBe(137)
    for (const leaf of leaves) expect(readFileSync(join(leaf, 'cgroup.procs'), 'utf8')).toBe('')
  })

  test('an end for lack of memory is told apart from a kill', async ({ skip }) => {
    const leaf =
      leaves.find((path) => memory !== undefined && path.startsWith(memory.path)) ??
      leaves.find((path) => existsSync(join(path, 'memory.max')))
    if (leaf === undefined) skip('no memory controller is writable here')
    const limit = existsSync(join(leaf as string, 'memory.max')) ? 'memory.max' : 'memory.limit_in_bytes'
    writeFileSync(join(leaf as string, limit), String(64 << 20))
    const plan = scene.plan(['/usr/bin/python3', '-c', 'x = []\nwhile True: x.append(bytearray(1 << 20))'], {
      cgroups: [leaf as string],
    })
    const { code, exited } = await runToEnd(binary, plan)
    expect(code).toBe(137)
    expect(exited).toMatchObject({ signal: 9, reason: 'oom' })
    expect(readExitRecord(plan.runDir).reason).toBe('oom')
  })
})
