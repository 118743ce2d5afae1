import { expect, test } from 'vitest'
import { safeReturnPath } from './safe-return-path.js'

test.each([
  ['/connect/', '/connect/'],
  ['/content/abc/?a=b#c', '/content/abc/?a=b#c'],
  ['/prefix/connect/#/apps/x/logs', '/prefix/connect/#/apps/x/logs'],
  ['/a/../connect/', '/connect/'],
])('%s is a way back', (text, path) => {
  expect(safeReturnPath(text)).toBe(path)
})

test.each([
  undefined,
  '',
  'connect/',
  '//evil.example/',
  '/\\evil.example/',
  '\\\\evil.example',
  '/\t/evil.example/',
  '/..//evil.example',
  'https://evil.example/',
  'javascript:alert(1)',
  '/__login__',
  '/__logout__',
  '/x/__login__?url=/',
])('%j is none', (text) => {
  expect(safeReturnPath(text)).toBeUndefined()
})
