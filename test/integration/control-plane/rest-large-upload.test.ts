import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { makeArchive } from '@berth/testing/make-archive.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestServer, startRestServer } from './rest-server.js'

const MIB = 1 << 20
const FILES = 30
const FILE_BYTES = 10 * MIB
/** Far below the archive: what streams through is not kept. */
const GROWTH_BYTES_MAX = 150 * MIB
let server: RestServer

beforeAll(async () => {
  server = await startRestServer({ bundle: { bytesMax: 2 ** 30, unpackedBytesMax: 2 ** 32, filesMax: 1_000, ratioMax: 100 } })
})
afterAll(() => server.stop())

test('an upload of 300 MB takes no more memory than a small one', async () => {
  const { key } = await server.addUser('publisher')
  const { json } = await server.call('POST', '/__api__/v1/content', { key, body: {} })
  // gzip members may follow one another: one file's tar blocks, without the two that end an archive, again and again.
  const tarOf = (name: string): Buffer => makeArchive({ [name]: randomBytes(FILE_BYTES) })
  const member = gzipSync(gunzipSync(tarOf('noise.bin')).subarray(0, -1024), { level: 0 })
  const manifest = makeArchive({ 'manifest.json': '{"version":1,"metadata":{"appmode":"static"}}' })
  const before = process.memoryUsage().rss
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  const source = Readable.from(
    (function* () {
      for (let file = 0; file < FILES; file += 1)
        for (let at = 0; at < member.length; at += 65_536) yield member.subarray(at, at + 65_536)
      yield manifest
    })(),
  )
  const answer = await server.call('POST', `/__api__/v1/content/${json.guid}/bundles`, { key, body: source })
  clearInterval(timer)
  expect([answer.status, answer.text]).toEqual([200, answer.text])
  expect(answer.json.size).toBeGreaterThan(FILES * FILE_BYTES)
  expect(peak - before).toBeLessThan(GROWTH_BYTES_MAX)
})
