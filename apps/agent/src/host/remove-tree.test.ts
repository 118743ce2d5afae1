import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeTrees } from './remove-tree.js'

let base = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'remove-tree-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

function treeWithFiles(dir: string, count: number): void {
  mkdirSync(dir, { recursive: true })
  for (let index = 0; index < count; index += 1) writeFileSync(join(dir, `f${index}`), '')
}

test('trees go with all that is in them, and what is absent is fine', async () => {
  treeWithFiles(join(base, 'full', 'deep'), 3)
  mkdirSync(join(base, 'empty'))
  await removeTrees(['full', 'empty', 'absent'].map((name) => join(base, name)))
  expect(readdirSync(base)).toEqual([])
})

test('a symbolic link goes, what it points at stays', async () => {
  treeWithFiles(join(base, 'precious'), 2)
  mkdirSync(join(base, 'full'))
  symlinkSync(join(base, 'precious'), join(base, 'full', 'link'))
  symlinkSync(join(base, 'precious'), join(base, 'top'))
  await removeTrees([join(base, 'full'), join(base, 'top')])
  expect(readdirSync(base)).toEqual(['precious'])
  expect(readdirSync(join(base, 'precious'))).toHaveLength(2)
})

// renameat2(RENAME_EXCHANGE) swaps a directory and a link to another one of the same names, over and over.
const SWAP = `
import ctypes
c = ctypes.CDLL(None)
print("swapping", flush=True)
for _ in range(5000000):
    if c.renameat2(-100, b"d", -100, b"l", 2) != 0: break
`

test('a directory that its owner swaps for a link meanwhile leads nowhere', async () => {
  const names = 500
  treeWithFiles(join(base, 'precious'), names)
  for (let round = 0; round < 5; round += 1) {
    const tree = join(base, 'tree')
    treeWithFiles(join(tree, 'd'), names)
    symlinkSync(join(base, 'precious'), join(tree, 'l'))
    const swapper = spawn('python3', ['-c', SWAP], { cwd: tree, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(swapper, 'exit')
    await once(swapper.stdout, 'data')
    await removeTrees([tree]).catch(() => undefined) // it may be told that something came back
    swapper.kill('SIGKILL')
    await ended
    await removeTrees([tree])
    expect(existsSync(tree)).toBe(false)
    expect(readdirSync(join(base, 'precious'))).toHaveLength(names)
  }
}, 60_000)
