import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sealTree } from './seal-tree.js'

const GROUP = 65534
let top: string
let root: string
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'berth-seal-'))
  root = join(top, 'tree')
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/b/page.html'), 'x', { mode: 0o777 })
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

const look = (path: string) => {
  const { uid, gid, mode } = statSync(join(root, path))
  return [uid, gid, (mode & 0o7777).toString(8)]
}

test.runIf(process.getuid?.() === 0)('a plain tree becomes root’s and the group may read it', async () => {
  expect(await sealTree(root, GROUP)).toEqual({ kind: 'sealed' })
  expect([look('.'), look('a/b'), look('a/b/page.html')]).toEqual([
    [0, GROUP, '750'],
    [0, GROUP, '750'],
    [0, GROUP, '640'],
  ])
})

test.runIf(process.getuid?.() === 0).each<[string, () => void, RegExp]>([
  ['a symbolic link', () => symlinkSync('/etc/shadow', join(root, 'a/shadow')), /"a\/shadow" is a symbolic link/],
  ['a hard link', () => linkSync(join(root, 'a/b/page.html'), join(root, 'twin')), /hard link/],
  ['a FIFO', () => execFileSync('mkfifo', [join(root, 'pipe')]), /"pipe" is a special file/],
])('a tree with %s is refused whole', async (_what, spoil, expected) => {
  spoil()
  const outcome = await sealTree(root, GROUP)
  expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringMatching(expected) })
})

test.runIf(process.getuid?.() === 0)('a link at the top is not followed', async () => {
  const elsewhere = join(top, 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(elsewhere, join(top, 'link'))
  await expect(sealTree(join(top, 'link'), GROUP)).rejects.toThrow()
  expect(statSync(elsewhere).gid).toBe(0)
})
