// Runs after every other test of the suite, in a group of its own.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareSnapshots, type HostSnapshot, takeHostSnapshot } from '@berth/testing/host-snapshot.js'
import { RUN_DIR_VARIABLE, stopShared } from '@berth/testing/shared-berth.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { expect, test } from 'vitest'

test('Ctrl-C ends the Berth that the tests shared, and it leaves nothing behind', async () => {
  await stopShared()
})

test('after the whole suite the machine is as it was: accounts, mounts, cgroups, sockets, directories, processes', async () => {
  const dir = process.env[RUN_DIR_VARIABLE]
  if (dir === undefined) return // this file alone: nothing ran before it
  const before = JSON.parse(readFileSync(join(dir, 'before.json'), 'utf8')) as HostSnapshot
  // The last test's processes may still be on their way out.
  await waitFor('the machine to be as before', () => compareSnapshots(before, takeHostSnapshot()).length === 0, 10_000).catch(
    () => {},
  )
  expect(compareSnapshots(before, takeHostSnapshot())).toEqual([])
})
