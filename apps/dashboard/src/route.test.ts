import { expect, test } from 'vitest'
import { parseRoute } from './route.js'

const GUID = '0193a1b2-0000-7000-8000-000000000001'

test.each([
  ['', { view: 'list' }],
  ['#/', { view: 'list' }],
  ['#/apps/not-a-guid', { view: 'list' }],
  [`#/apps/${GUID}`, { view: 'content', guid: GUID, section: 'overview', draft: null }],
  [`#/apps/${GUID}/`, { view: 'content', guid: GUID, section: 'overview', draft: null }],
  [`#/apps/${GUID}/access`, { view: 'content', guid: GUID, section: 'access', draft: null }],
  [`#/apps/${GUID}/logs`, { view: 'content', guid: GUID, section: 'logs', draft: null }],
  [`#/apps/${GUID}/draft/42`, { view: 'content', guid: GUID, section: 'overview', draft: '42' }],
  [`#/apps/${GUID}/draft/x`, { view: 'list' }],
])('%s', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route)
})
