import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSecretBox, openSecretBox } from './secret-box.js'

test('what was sealed opens, in its own place only, and never looks the same twice', () => {
  const box = createSecretBox([randomBytes(32)])
  const sealed = box.seal('pa$$wörd', 'here')
  expect(box.open(sealed, 'here')).toBe('pa$$wörd')
  expect(() => box.open(sealed, 'there')).toThrow(/changed or belongs elsewhere/)
  expect(box.seal('pa$$wörd', 'here').equals(sealed)).toBe(false)
})

test('a changed byte is found, wherever it is', () => {
  const box = createSecretBox([randomBytes(32)])
  const sealed = box.seal('secret', 'here')
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] as number) ^ 1
    expect(() => box.open(changed, 'here')).toThrow()
  }
})

test('a new key in front seals from now on, and the old one still opens what it sealed', () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)]
  const before = createSecretBox([old]).seal('x', 'c')
  const rotated = createSecretBox([fresh, old])
  expect(rotated.open(before, 'c')).toBe('x')
  const after = rotated.seal('y', 'c')
  expect(() => createSecretBox([old]).open(after, 'c')).toThrow(/not in the secret key file/)
})

test('the key file is made once, for its owner alone, also by several at once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-box-'))
  try {
    const path = join(dir, 'db', 'secret.key')
    const boxes = await Promise.all([openSecretBox(path), openSecretBox(path), openSecretBox(path)])
    const sealed = boxes[0]?.seal('x', 'c') as Buffer
    for (const box of boxes) expect(box.open(sealed, 'c')).toBe('x')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
