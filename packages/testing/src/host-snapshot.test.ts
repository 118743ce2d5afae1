import { expect, test } from 'vitest'
import { compareSnapshots, type HostSnapshot } from './host-snapshot.js'

const BEFORE: HostSnapshot = {
  users: ['root:x:0:0'],
  groups: ['root:x:0:'],
  mounts: ['/ -> /'],
  cgroups: [],
  sockets: ['/run/berth-x/up.sock'],
  directories: [],
  processes: ['10 100 /usr/lib/berth/1/bin/node'],
}

test('the same machine shows no difference', () => {
  expect(compareSnapshots(BEFORE, structuredClone(BEFORE))).toEqual([])
})

test.each(['users', 'groups', 'mounts', 'cgroups', 'sockets', 'directories', 'processes'] as const)(
  'something new among %s is found',
  (kind) => {
    expect(compareSnapshots(BEFORE, { ...BEFORE, [kind]: [...BEFORE[kind], 'new'] })).toEqual([`${kind}: new new`])
  },
)

test('an account that is gone is found, a process that ended is not missed', () => {
  expect(compareSnapshots(BEFORE, { ...BEFORE, users: [] })).toEqual(['users: gone root:x:0:0'])
  expect(compareSnapshots(BEFORE, { ...BEFORE, processes: [], sockets: [] })).toEqual([])
})
