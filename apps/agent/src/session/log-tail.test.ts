import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LOG_CHUNK_BYTES_MAX } from '../limits.js'
import { LogTail } from './log-tail.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-tail-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const segment = (offset: number) => join(dir, `stdout.${String(offset).padStart(20, '0')}`)
async function readAll(tail: LogTail): Promise<string[]> {
  const pieces: string[] = []
  for (let piece = await tail.read(); piece !== undefined; piece = await tail.read()) {
    pieces.push(piece.kind === 'data' ? `${piece.offset}:${piece.data}` : `${piece.offset}:gap ${piece.bytes}`)
  }
  return pieces
}

test('segments are read one after the other, and what is appended later is read later', async () => {
  writeFileSync(segment(0), 'abc')
  writeFileSync(segment(3), 'de')
  const tail = new LogTail(dir, 'stdout', 0n)
  expect(await readAll(tail)).toEqual(['0:abc', '3:de'])
  appendFileSync(segment(3), 'f')
  expect(await readAll(tail)).toEqual(['5:f'])
})

test('reading goes on in the middle of a segment', async () => {
  writeFileSync(segment(10), 'abcdef')
  expect(await readAll(new LogTail(dir, 'stdout', 13n))).toEqual(['13:def'])
})

test('a segment that was dropped is a gap of known size', async () => {
  writeFileSync(segment(100), 'xyz')
  expect(await readAll(new LogTail(dir, 'stdout', 40n))).toEqual(['40:gap 60', '100:xyz'])
})

test('the other stream and other files are not this stream', async () => {
  writeFileSync(join(dir, 'stderr.00000000000000000000'), 'no')
  writeFileSync(join(dir, 'stdout.new'), 'no')
  expect(await readAll(new LogTail(dir, 'stdout', 0n))).toEqual([])
})

test('pieces are bounded', async () => {
  writeFileSync(segment(0), 'x'.repeat(LOG_CHUNK_BYTES_MAX + 1))
  const tail = new LogTail(dir, 'stdout', 0n)
  expect((await readAll(tail)).length).toBe(2)
  expect(tail.next).toBe(BigInt(LOG_CHUNK_BYTES_MAX + 1))
})

test('stored segments are removed, the one being written never', async () => {
  writeFileSync(segment(0), 'abc')
  writeFileSync(segment(3), 'def')
  const tail = new LogTail(dir, 'stdout', 0n)
  await tail.drop(2n)
  expect(readdirSync(dir)).toHaveLength(2)
  await tail.drop(6n)
  expect(readdirSync(dir)).toEqual(['stdout.00000000000000000003'])
})
