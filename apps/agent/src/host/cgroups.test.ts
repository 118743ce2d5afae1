import { expect, test } from 'vitest'
import { parseOwnCgroups } from './cgroups.js'

test('controllers that share a hierarchy share its path, and v2 has no name', () => {
  const own = parseOwnCgroups('4:cpu,cpuacct:/a/b\n1:name=systemd:/s\n0::/user.slice:odd\n')
  expect([...own]).toEqual([
    ['cpu', '/a/b'],
    ['cpuacct', '/a/b'],
    ['name=systemd', '/s'],
    ['', '/user.slice:odd'],
  ])
})
