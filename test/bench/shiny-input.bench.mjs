// Bench (e): an input of the open Shiny sample to its new value, through the gateway and over the application's own Unix socket by
// hand, interleaved. Goal: at most 1.5 times.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { TestBerth } from '@berth/testing/test-berth.js'
import WebSocket from 'ws'
import { median, printTable, quantile, shuffled, writeResults } from './record-results.mjs'
import { copySample, startByHand, stopByHand } from './started-by-hand.mjs'

const INPUTS = 300
const WARM_UP = 30
const RATIO_GOAL = 1.5

const berth = await TestBerth.start({ samples: true })
const home = `/tmp/${berth.record.name}-by-hand`
let byHand
try {
  const rest = berth.rest()
  const account = berth.accounts.standard
  const [content] = (await rest.call('GET', '/v1/content?name=sample-shiny')).json
  copySample('shiny', join(home, 'shiny'), account)
  byHand = await startByHand('shiny', { appDir: join(home, 'shiny'), socketDir: join(home, 'run'), account })
  // The first visit starts the process.
  await rest.call('GET', `//content/${content.guid}/`)

  const gateway = await openSession(`${berth.address.replace('http', 'ws')}/content/${content.guid}/websocket/`, {
    authorization: `Key ${rest.key}`,
  })
  const direct = await openSession(`ws+unix://${byHand.socket}:/websocket/`, {})
  const raw = { gateway: [], direct: [] }
  let bins = 1
  const rounds = shuffled(Array.from({ length: INPUTS + WARM_UP }, () => ['gateway', 'direct']).flat())
  for (const [index, way] of rounds.entries()) {
    bins = (bins % 50) + 1
    const took = await (way === 'gateway' ? gateway : direct).change(bins)
    if (index >= 2 * WARM_UP) raw[way].push(took)
  }
  gateway.close()
  direct.close()

  const ratio = median(raw.gateway) / median(raw.direct)
  printTable([
    ['way', 'median ms', 'p95 ms', 'of direct', `goal ≤ ${RATIO_GOAL}`],
    ['Unix socket by hand', median(raw.direct), quantile(raw.direct, 0.95), 1, ''],
    ['through the gateway', median(raw.gateway), quantile(raw.gateway, 0.95), ratio, ratio <= RATIO_GOAL ? 'met' : 'MISSED'],
  ])
  writeResults('shiny-input', { unit: 'ms', inputs: INPUTS, ratio, goal_ratio: RATIO_GOAL, raw })
} finally {
  if (byHand !== undefined) await stopByHand(byHand, 'SIGINT')
  await berth.stop()
  await berth.remove()
  rmSync(home, { recursive: true, force: true })
}

/** A Shiny session that shows only the text output: the plot is said to be hidden, so that R's drawing is not what is measured. */
async function openSession(url, headers) {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false })
  let waiting
  const messages = []
  const check = () => {
    const hit = waiting === undefined ? undefined : messages.find((text) => text.includes(waiting.needle))
    if (hit === undefined) return
    const { resolve } = waiting
    waiting = undefined
    messages.length = 0
    resolve()
  }
  socket.on('message', (data) => {
    messages.push(data.toString('utf8'))
    check()
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => reject(new Error(`${url} answered ${response.statusCode}`)))
  })
  const hear = (needle) =>
    new Promise((resolve) => {
      waiting = { needle, resolve }
      check()
    })
  const data = { 'bins:shiny.number': 51, '.clientdata_output_state_hidden': false, '.clientdata_output_plot_hidden': true }
  socket.send(JSON.stringify({ method: 'init', data }))
  await hear('51 bins')
  return {
    async change(bins) {
      const begin = performance.now()
      const heard = hear(`"${bins} bins`)
      socket.send(JSON.stringify({ method: 'update', data: { 'bins:shiny.number': bins } }))
      await heard
      return performance.now() - begin
    },
    close: () => socket.close(),
  }
}
