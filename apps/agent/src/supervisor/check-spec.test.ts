import { Intent, ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { expect, test } from 'vitest'
import { checkSpec } from './check-spec.js'
import { planRunPaths } from './run-paths.js'

const dirs = { dataDir: '/d', runDir: '/r', tempDir: '/t', stateDir: '/s' }
const content = { guid: 'g', contentId: 7n, bundleId: 9n }
const serve = { appMode: 'shiny', entrypoint: '', rVersion: '4.2.2', pythonVersion: '', environmentHash: '', initTimeoutMs: 1 }
const base = { processId: 'p', fence: 1n, intent: Intent.RUN, content, work: { $case: 'serve', value: serve } } as const
const restore = (value: object) => ({
  ...base,
  work: { $case: 'restorePython', value: { pythonVersion: '3.11.2', environmentHash: 'abcdefgh', ...value } },
})
const reasonOf = (spec: object) => {
  const full = ProcessSpec.fromPartial(spec)
  return checkSpec(full, planRunPaths(dirs, full))?.reason
}

test.each<[string, object, string | undefined]>([
  ['content that it can serve', base, undefined],
  [
    'content of an unknown type',
    { ...base, work: { $case: 'serve', value: { ...serve, appMode: 'jupyter-voila' } } },
    'unsupported',
  ],
  ['no content to serve', { ...base, content: undefined }, 'invalid'],
  ['unknown work', { ...base, work: undefined }, 'unsupported'],
  ['no intent', { ...base, intent: Intent.UNSPECIFIED }, 'unsupported'],
  ['a version that is a path', { ...base, work: { $case: 'serve', value: { ...serve, pythonVersion: '../../etc' } } }, 'invalid'],
  ['an environment that is a path', restore({ environmentHash: '../../../etc/x' }), 'invalid'],
  ['an environment', restore({}), undefined],
  ['an archive that is a path', { ...base, work: { $case: 'unpack', value: { archiveSha256: '../x' } } }, 'invalid'],
  ['a grace of a day', { ...base, stop: { stopGraceMs: 86_400_000, killGraceMs: 1 } }, 'invalid'],
])('%s', (_what, spec, expected) => {
  expect(reasonOf(spec)).toBe(expected)
})
