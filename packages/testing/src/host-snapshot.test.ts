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
  expect(compareSnapshots(BEFORE, structuredClone(BEFORE), [])).toEqual([])
})

test.each(['users', 'groups', 'mounts', 'cgroups', 'sockets', 'directories', 'processes'] as const)(
  'something new among %s is found',
  (kind) => {
    expect(compareSnapshots(BEFORE, { ...BEFORE, [kind]: [...BEFORE[kind], 'new'] }, [])).toEqual([`${kind}: new new`])
  },
)

test('an account that is gone is found, a process that ended is not missed', () => {
  expect(compareSnapshots(BEFORE, { ...BEFORE, users: [] }, [])).toEqual(['users: gone root:x:0:0'])
  expect(compareSnapshots(BEFORE, { ...BEFORE, processes: [], sockets: [] }, [])).toEqual([])
})

test('things of another run beside this one are left out, this run’s own are not', () => {
  const after = { ...BEFORE, directories: ['/run/bt-0000aa', '/run/bt-0000bb'], users: [...BEFORE.users, 'bt0000ccs:x:9:9'] }
  expect(compareSnapshots(BEFORE, after, ['bt-0000aa'])).toEqual(['directories: new /run/bt-0000aa'])
  expect(compareSnapshots(BEFORE, after, ['bt0000cc'])).toEqual(['users: new bt0000ccs:x:9:9'])
})
