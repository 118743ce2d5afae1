import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { everythingWorks } from '@berth/testing/sim-agent.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Core, seedBundle, seedDeployed, seedDeployment, startCore, taskEnd } from './core-fixture.js'

let core: Core
beforeAll(async () => {
  core = await startCore((settings) => ({
    ...settings,
    retention: { ...settings.retention, jobsPerContent: 2, bundlesPerContent: 2 },
  }))
})
afterAll(async () => {
  await core?.stop()
})

test('jobs and bundles beyond their number go, oldest first; what is active, running or being deployed stays', async () => {
  const { sql, controlPlane } = core
  const agent = await core.newAgent(everythingWorks)
  agent.connect()
  await waitFor('the agent', () => agent.desired.length > 0)
  const active = await seedDeployed(core)
  const { contentGuid } = active
  const others = [
    await seedBundle(core, 'python-api', { contentGuid }),
    await seedBundle(core, 'python-api', { contentGuid }),
    await seedBundle(core, 'python-api', { contentGuid }),
  ]
  const gateway = core.gateway()
  // Four processes of the content one after the other; the last one lives.
  for (let round = 0; round < 4; round += 1) {
    const { endpoint } = await gateway.acquire(contentGuid, active.bundleId)
    if (round === 3) break
    await sql`update processes set intent = 'stop', stop_reason = 'killed' where id = ${endpoint?.processId ?? ''}`
    await sql`update nodes set generation = generation + 1`
    await sql`select pg_notify('node_changed', ${agent.identity.nodeId})`
    await waitFor(
      'its end',
      async () => (await sql`select 1 from processes where id = ${endpoint?.processId ?? ''} and finalized`).length > 0,
    )
  }
  const jobs = (await sql<{ key: string }[]>`select key from processes where content_guid = ${contentGuid} order by job_id`).map(
    (job) => job.key,
  )
  expect(jobs).toHaveLength(4)
  await controlPlane.terminate()
  await controlPlane.start() // a round runs at once
  await waitFor('retention', async () => (await sql`select 1 from processes where content_guid = ${contentGuid}`).length === 2)
  const kept = (await sql<{ key: string }[]>`select key from processes where content_guid = ${contentGuid} order by job_id`).map(
    (job) => job.key,
  )
  expect(kept).toEqual(jobs.slice(2))
  const events = await sql`select count(distinct process_id)::int as n from process_events`
  expect(events).toMatchObject([{ n: 2 }])
  await waitFor('the archive to go', () => !existsSync(archive(contentGuid, others[0]?.bundleId)))
  const bundles = (await sql<{ id: string }[]>`select id from bundles where content_guid = ${contentGuid} order by id`).map(
    (bundle) => BigInt(bundle.id),
  )
  expect(bundles).toEqual([active.bundleId, others[1]?.bundleId, others[2]?.bundleId])
  expect(existsSync(archive(contentGuid, active.bundleId))).toBe(true)

  const { taskId } = await seedDeployment(core, { ...active, bundleId: others[1]?.bundleId ?? 0n })
  await controlPlane.terminate()
  await controlPlane.start()
  agent.disconnect()
  agent.connect()
  expect(await taskEnd(core, taskId)).toMatchObject({ code: 0 })
})

function archive(contentGuid: string, bundleId: bigint | undefined): string {
  return join(core.controlPlane.settings.dataDir, 'bundles', contentGuid, `${bundleId}.tar.gz`)
}
