// Runs after every other test of the suite, in a group of its own.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareSnapshots, type HostSnapshot, takeHostSnapshot } from '@berth/testing/host-snapshot.js'
import { stopShared } from '@berth/testing/shared-berth.js'
import { readTags, testRunDir } from '@berth/testing/test-run.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { expect, test } from 'vitest'

const SETTLE_TIMEOUT_MS = 10_000

test('Ctrl-C ends the Berth that the tests shared, and it leaves nothing behind', async () => {
  if (testRunDir() === undefined) return // this file alone: nothing ran before it
  await stopShared()
})

test('after the whole suite the machine is as it was: accounts, mounts, cgroups, sockets, directories, processes', async () => {
  const dir = testRunDir()
  if (dir === undefined) return
  const before = JSON.parse(readFileSync(join(dir, 'before.json'), 'utf8')) as HostSnapshot
  const differences = (): string[] => compareSnapshots(before, takeHostSnapshot(), readTags(dir))
  // The last test's processes may still be on their way out.
  await waitFor('the machine to be as before', () => differences().length === 0, SETTLE_TIMEOUT_MS).catch(() => {})
  expect(differences()).toEqual([])
})
