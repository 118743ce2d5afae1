// Bench (d): first request to first byte of the Shiny and Flask samples with no process running, beside the same application
// started by hand, in shuffled rounds. Goal: the platform adds at most 40 ms at the median.
import { readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { TestBerth } from '@berth/testing/test-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { median, printTable, quantile, shuffled, writeResults } from './record-results.mjs'
import { copySample, firstByteMs, startByHand, stopByHand } from './started-by-hand.mjs'

const ROUNDS = 24
const ADDED_MS_GOAL = 40
/** A cold start is one at rest: the bookkeeping of the process before it is over, as after an idle time. */
const REST_MS = 500
const SOFT_STOP = { flask: 'SIGTERM', shiny: 'SIGINT' }

const berth = await TestBerth.start({ samples: true })
const home = `/tmp/${berth.record.name}-by-hand`
try {
  const rest = berth.rest()
  const account = berth.accounts.standard
  const environmentRoot = join(berth.record.dirs.data, 'python-environments/pip')
  const [version] = readdirSync(environmentRoot)
  const [hash] = readdirSync(join(environmentRoot, version))
  const samples = {}
  for (const sample of ['flask', 'shiny']) {
    const [content] = (await rest.call('GET', `/v1/content?name=sample-${sample}`)).json
    copySample(sample, join(home, sample), account)
    const environment = join(environmentRoot, version, hash)
    samples[sample] = { guid: content.guid, platform: [], byHand: [], appDir: join(home, sample), environment }
  }

  const rounds = shuffled(
    Object.keys(samples).flatMap((sample) =>
      Array.from({ length: ROUNDS }, () => [
        [sample, 'platform'],
        [sample, 'byHand'],
      ]).flat(),
    ),
  )
  for (const [sample, way] of rounds) {
    const at = samples[sample]
    if (way === 'platform') {
      await setTimeout(REST_MS)
      at.platform.push(await firstByteThroughGateway(`${berth.address}/content/${at.guid}/`, rest.key))
      await stopProcesses(rest, at.guid)
    } else {
      await setTimeout(REST_MS)
      const begin = performance.now()
      const running = await startByHand(sample, { ...at, socketDir: join(home, 'run'), account })
      try {
        await firstByteMs(running.socket)
        at.byHand.push(performance.now() - begin)
      } finally {
        await stopByHand(running, SOFT_STOP[sample])
      }
    }
  }

  const rows = [['sample', 'by hand ms', 'Berth ms', 'added ms', 'Berth p95 ms', `goal ≤ ${ADDED_MS_GOAL}`]]
  for (const [sample, { platform, byHand }] of Object.entries(samples)) {
    const added = median(platform) - median(byHand)
    rows.push([
      sample,
      median(byHand),
      median(platform),
      added,
      quantile(platform, 0.95),
      added <= ADDED_MS_GOAL ? 'met' : 'MISSED',
    ])
  }
  printTable(rows)
  const raw = Object.fromEntries(Object.entries(samples).map(([name, { platform, byHand }]) => [name, { platform, byHand }]))
  writeResults('cold-start', { unit: 'ms', rounds: ROUNDS, goal_added_ms: ADDED_MS_GOAL, raw })
} finally {
  await berth.stop()
  await berth.remove()
  rmSync(home, { recursive: true, force: true })
}

async function stopProcesses(rest, guid) {
  const active = async () => (await rest.call('GET', `/v1/content/${guid}/jobs`)).json.filter((job) => job.status === 0)
  for (const job of await active()) await rest.call('DELETE', `/v1/content/${guid}/jobs/${job.key}`)
  await waitFor('the processes to end', async () => (await active()).length === 0)
}

function firstByteThroughGateway(url, key) {
  const begin = performance.now()
  return new Promise((resolve, reject) => {
    const get = request(url, { headers: { authorization: `Key ${key}` } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`))
      response.once('data', () => {
        resolve(performance.now() - begin)
        response.destroy()
      })
    })
    get.on('error', reject)
    get.end()
  })
}
