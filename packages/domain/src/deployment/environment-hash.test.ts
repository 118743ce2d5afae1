import fc from 'fast-check'
import { expect, test } from 'vitest'
import { environmentHash, normaliseRequirements } from './environment-hash.js'

test('comments, blank lines, repeats and spaces do not make another environment', () => {
  const plain = environmentHash('3.11.2', 'flask==3.0\nrequests')
  expect(environmentHash('3.11.2', '\uFEFF# web\r\nflask==3.0   # pinned\r\n\r\n  requests\r\nflask==3.0\r\n')).toBe(plain)
})

test('another Python, another pin or another order is another environment', () => {
  const hashes = [
    environmentHash('3.11.2', 'flask\nrequests'),
    environmentHash('3.11.3', 'flask\nrequests'),
    environmentHash('3.11.2', 'flask==3\nrequests'),
    environmentHash('3.11.2', 'requests\nflask'),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test.each(['', '\n\n', '# nothing\n', '   '])('requirements that ask for nothing need no environment: %j', (text) => {
  expect(environmentHash('3.11.2', text)).toBeNull()
})

test('a fragment of an address is no comment, and continued lines are one', () => {
  expect(normaliseRequirements('pkg @ https://host/x.whl#sha256=ab\nflask \\\n  --hash=sha256:cd')).toEqual([
    'pkg @ https://host/x.whl#sha256=ab',
    'flask --hash=sha256:cd',
  ])
})

test('normalising twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const once = normaliseRequirements(text)
      expect(normaliseRequirements(once.join('\n'))).toEqual(once)
    }),
  )
})
