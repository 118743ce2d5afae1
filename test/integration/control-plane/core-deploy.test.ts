import { everythingWorks, type SimAgent, type SimScript } from '@berth/testing/sim-agent.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Core, type Gateway, seedBundle, seedDeployment, startCore, taskEnd } from './core-fixture.js'

let core: Core
let agent: SimAgent
let gateway: Gateway
let script: SimScript = everythingWorks
const started: string[] = []

beforeAll(async () => {
  core = await startCore()
  agent = await core.newAgent((spec, process) => {
    started.push(`${spec.work?.$case}`)
    return script(spec, process)
  })
  agent.connect()
  gateway = core.gateway()
  gateway.watch()
  await waitFor('routes', () => gateway.snapshots.length > 0)
})
beforeEach(() => {
  script = everythingWorks
  started.length = 0
})
afterAll(async () => {
  await core?.stop()
})

/** Rows are there; this rings as the rescan does at the next start. */
async function restartToRescan(): Promise<void> {
  await core.controlPlane.terminate()
  await core.controlPlane.start()
  agent.disconnect()
  agent.connect()
  gateway.close()
  gateway = core.gateway()
  gateway.watch()
}

test('a Flask bundle is unpacked as its account, its environment built as the default account, then active and routed', async () => {
  script = async (spec, process) => {
    if (spec.work?.$case === 'restorePython') {
      process.accepted()
      process.started()
      await process.log('Collecting flask==3.0.0\nInstalling\n')
      process.exited(0)
      process.finalized()
    } else await everythingWorks(spec, process)
  }
  const seeded = await seedBundle(core, 'python-api', { requirements: 'flask==3.0.0\n' })
  await core.sql`update content set run_as = 'other' where guid = ${seeded.contentGuid}`
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  const end = await taskEnd(core, taskId, 20_000)
  expect(end).toMatchObject({ code: 0, error: '' })
  expect(end.lines).toContain('Collecting flask==3.0.0')
  expect(end.lines.join('\n')).toMatch(
    /# Building Flask API[\s\S]*Using Python 3\.11\.2[\s\S]*Unpacking[\s\S]*Launching Flask API\.\.\./,
  )
  const jobs = await core.sql`select tag, run_as, kind, phase, finalized from processes order by job_id`
  expect(jobs).toMatchObject([
    { tag: 'unknown', run_as: 'other', kind: 'job', phase: 'exited' },
    { tag: 'python_restore', run_as: 'berth', kind: 'job', phase: 'exited' },
  ])
  await waitFor('the route', () =>
    gateway.snapshots.at(-1)?.contents.some((content) => content.activeBundleId === seeded.bundleId),
  )
})

test('two deployments that want one environment at once build it once', async () => {
  const release: (() => void)[] = []
  script = async (spec, process) => {
    if (spec.work?.$case !== 'restorePython') return everythingWorks(spec, process)
    process.accepted()
    process.started()
    await new Promise<void>((resolve) => release.push(resolve))
    process.exited(0)
    process.finalized()
  }
  const [one, two] = [
    await seedBundle(core, 'python-api', { requirements: 'dash\n' }),
    await seedBundle(core, 'python-api', { requirements: '# same\ndash\n\n' }),
  ]
  const [first, second] = [await seedDeployment(core, one), await seedDeployment(core, two)]
  await restartToRescan()
  await waitFor('both to wait for the restore', async () => {
    const rows = await core.sql<
      { text: string }[]
    >`select text from task_lines where task_id in (${first.taskId}, ${second.taskId}) and text like '%the Python environment%'`
    return rows.length === 2 && release.length > 0
  })
  for (const go of release) go()
  expect(await taskEnd(core, first.taskId)).toMatchObject({ code: 0 })
  expect(await taskEnd(core, second.taskId)).toMatchObject({ code: 0 })
  expect(started.filter((work) => work === 'restorePython')).toHaveLength(1)
})

test("a restore that fails ends the deployment with pip's last lines, keeps the active bundle, and is tried again by the next", async () => {
  let fails = true
  script = async (spec, process) => {
    if (spec.work?.$case !== 'restorePython' || !fails) return everythingWorks(spec, process)
    process.accepted()
    process.started()
    await process.log('Looking\n')
    await process.log('ERROR: No matching distribution found for nosuch==1\n', 'stderr')
    process.exited(1)
    process.finalized()
  }
  const good = await seedBundle(core)
  const before = await seedDeployment(core, good)
  const bad = await seedBundle(core, 'python-api', { requirements: 'nosuch==1', contentGuid: good.contentGuid })
  await restartToRescan()
  await taskEnd(core, before.taskId)
  const failing = await seedDeployment(core, bad)
  await restartToRescan()
  const end = await taskEnd(core, failing.taskId)
  expect(end).toMatchObject({ code: 1 })
  expect(end.error).toContain('ERROR: No matching distribution found for nosuch==1')
  expect(end.lines).toContain('Looking')
  const active = await core.sql`select bundle_id from content where guid = ${good.contentGuid}`
  expect(active).toMatchObject([{ bundle_id: `${good.bundleId}` }])
  fails = false
  const again = await seedDeployment(core, bad)
  await restartToRescan()
  expect(await taskEnd(core, again.taskId)).toMatchObject({ code: 0 })
})

test('a restore that writes half a million lines neither ends the deployment nor fills the memory', async () => {
  const written = 500_000
  script = async (spec, process) => {
    if (spec.work?.$case === 'restorePython') {
      process.accepted()
      process.started()
      for (let piece = 0; piece < written / 250_000; piece += 1) await process.log('\n'.repeat(250_000))
      await process.log('ERROR: enough\n', 'stderr')
      process.exited(1)
      process.finalized()
    } else await everythingWorks(spec, process)
  }
  const seeded = await seedBundle(core, 'python-api', { requirements: 'noisy==1\n' })
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  const end = await taskEnd(core, taskId, 30_000)
  expect(end.code).toBe(1)
  expect(end.error).toContain('ERROR: enough')
  expect(end.lines.some((line) => line.startsWith('(more than 20000 lines'))).toBe(true)
})

test('a deployment goes on where SIGKILL of the control plane left it, with one unpack and every row in its place', async () => {
  let release: (() => void) | undefined
  script = async (_spec, process) => {
    process.accepted()
    process.started()
    await new Promise<void>((resolve) => {
      release = resolve
    })
    process.exited(0)
    process.finalized()
  }
  const seeded = await seedBundle(core, 'static')
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  await waitFor('the unpack to run', () => release)
  await core.controlPlane.kill()
  release?.() // it ends while nobody listens
  await core.controlPlane.start()
  agent.disconnect()
  agent.connect()
  expect(await taskEnd(core, taskId, 20_000)).toMatchObject({ code: 0 })
  expect(started).toEqual(['unpack'])
  expect(await core.sql`select count(*)::int as n from processes where content_guid = ${seeded.contentGuid}`).toMatchObject([
    { n: 1 },
  ])
})

test('losing everything in Redis loses no deployment', async () => {
  let release: (() => void) | undefined
  script = async (_spec, process) => {
    process.accepted()
    process.started()
    await new Promise<void>((resolve) => {
      release = resolve
    })
    await everythingEnds(process)
  }
  const seeded = await seedBundle(core, 'static')
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  await waitFor('the unpack to run', () => release)
  await core.redis.command('FLUSHALL')
  await core.redis.kill()
  release?.()
  expect(await taskEnd(core, taskId, 20_000)).toMatchObject({ code: 0 })
  await core.redis.start()
})

test('without Redis from the start a deployment still runs', async () => {
  await core.redis.kill()
  const seeded = await seedBundle(core, 'static')
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  expect(await taskEnd(core, taskId, 20_000)).toMatchObject({ code: 0 })
  await core.redis.start()
})

test('a draft is built and routed, and changes nothing that is active', async () => {
  const seeded = await seedBundle(core, 'static')
  const { taskId } = await seedDeployment(core, seeded, false)
  await restartToRescan()
  expect(await taskEnd(core, taskId, 20_000)).toMatchObject({ code: 0 })
  expect(await core.sql`select bundle_id from content where guid = ${seeded.contentGuid}`).toMatchObject([{ bundle_id: null }])
  const watching = core.gateway()
  watching.watch()
  const route = await waitFor('the route', () =>
    watching.snapshots.at(-1)?.contents.find((content) => content.contentGuid === seeded.contentGuid),
  )
  expect(route).toMatchObject({
    activeBundleId: 0n,
    bundles: [{ bundleId: seeded.bundleId, appMode: 'static', primaryHtml: 'index.html' }],
  })
  expect(route.bundles[0]?.sealedDir).toBe(`${core.controlPlane.settings.dataDir}/apps/${seeded.contentId}/${seeded.bundleId}`)
})

test.each([
  [
    'a Python that no host has',
    'python-api',
    {
      version: 1,
      metadata: { appmode: 'python-api' },
      python: { version: '3.11', package_manager: null },
      environment: { python: { requires: '>=3.99' } },
    },
    /requires Python >=3\.99; installed: 3\.11\.2/,
  ],
  [
    'an R package that the library lacks',
    'shiny',
    {
      version: 1,
      platform: '4.2.1',
      metadata: { appmode: 'shiny' },
      packages: { plotly: { description: { Version: '4.10' } }, shiny: { description: { Version: '9.0' } } },
    },
    /plotly 4\.10 \(not installed\), shiny 9\.0 \(1\.7\.4 is installed\)/,
  ],
] as const)('%s is named', async (_name, mode, manifest, why) => {
  const seeded = await seedBundle(core, mode, { manifest })
  const { taskId } = await seedDeployment(core, seeded)
  await restartToRescan()
  const end = await taskEnd(core, taskId, 20_000)
  expect(end).toMatchObject({ code: 1 })
  expect(end.error).toMatch(why)
  expect(started).toEqual([])
})

async function everythingEnds(process: Parameters<SimScript>[1]): Promise<void> {
  process.exited(0)
  process.finalized()
}
