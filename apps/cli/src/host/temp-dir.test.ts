import { describe, expect, test } from 'vitest'
import { checkTempDir, mountOptionsOf, type TempDirFacts } from './temp-dir.js'

const good: TempDirFacts = { isDirectory: true, mode: 0o1777, closedParent: undefined, noexec: false }

describe('R-051 TempDir', () => {
  test('mode 1777 is right', () => expect(checkTempDir('/t', good)).toBeUndefined())
  test.each([
    [{ ...good, mode: 0o700 }, 'refusal', /\/t has mode 0700.*chmod 1777 \/t/],
    [{ ...good, mode: 0o755 }, 'refusal', /0755/],
    [{ ...good, isDirectory: false }, 'refusal', /not a directory/],
    [{ ...good, closedParent: '/root' }, 'refusal', /\/root is closed/],
    [{ ...good, noexec: true }, 'warning', /noexec/],
  ])('%j', (facts, kind, message) => {
    const problem = checkTempDir('/t', facts)
    expect(problem?.kind).toBe(kind)
    expect(problem?.message).toMatch(message)
  })
})

test('the options of a path are those of the deepest mount, the later of two on one point', () => {
  const mountinfo = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '30 22 0:26 / /tmp rw,nosuid - tmpfs tmpfs rw',
    '31 30 0:27 / /tmp/a\\040b rw,noexec - tmpfs tmpfs rw',
    '32 22 0:28 / /tmp rw,nodev - tmpfs tmpfs rw',
  ].join('\n')
  expect(mountOptionsOf('/tmp/x', mountinfo)).toEqual(['rw', 'nodev'])
  expect(mountOptionsOf('/tmp/a b/c', mountinfo)).toContain('noexec')
  expect(mountOptionsOf('/tmpx', mountinfo)).toEqual(['rw', 'relatime'])
})
