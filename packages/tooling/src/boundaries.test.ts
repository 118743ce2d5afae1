import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const planted = join(root, 'packages/tooling/fixtures/planted')

function violations(cwd: string, args: string[]): string {
  const done = spawnSync(join(root, 'node_modules/.bin/depcruise'), args, { cwd, encoding: 'utf8' })
  return `${done.stdout}${done.stderr}`
}

test('the boundary check finds a domain that reads files and an app that imports an app', () => {
  const said = violations(planted, ['--config', join(root, 'packages/tooling/boundaries-planted.cjs'), 'packages', 'apps'])
  expect(said).toContain('domain-is-pure')
  expect(said).toContain('apps-never-import-apps')
}, 60_000)
