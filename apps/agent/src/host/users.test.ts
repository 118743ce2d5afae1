import { expect, test } from 'vitest'
import { HostUsers, parseUser } from './users.js'

test('an account has its primary and its supplementary groups, each once', () => {
  expect(parseUser('ada:x:1001:1002:Ada,,,:/home/ada:/bin/bash', 'ada                   44 1002 27')).toEqual({
    name: 'ada',
    uid: 1001,
    gid: 1002,
    gids: [27, 44, 1002],
    home: '/home/ada',
    shell: '/bin/bash',
  })
})

test('a name with digits is not read as group ids', () => {
  expect(parseUser('user7:x:1:2::/h:/s', 'user7 9')?.gids).toEqual([2, 9])
})

test.each(['', 'x', 'x:x:abc:1::/:/', 'x:x:1:-1::/:/', 'x:x:4294967295:1::/:/'])('%j is no account', (line) => {
  expect(parseUser(line, '')).toBeUndefined()
})

test.each(['0', '-s', 'a/b', '', 'a:b', 'no_such_account_here'])('%j is not an account of this host', async (name) => {
  expect(await new HostUsers().user(name)).toBeUndefined()
})

test('root is found, so that it can be refused by name', async () => {
  expect((await new HostUsers().user('root'))?.uid).toBe(0)
})
