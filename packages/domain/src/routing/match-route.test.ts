import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchRoute } from './match-route.js'
import { normalisePath, parseRequestTarget } from './request-target.js'
import { compileRoutes, type FedBundle, type RouteFeed } from './route-table.js'

const A = '11111111-2222-3333-4444-555555555555'
const B = '99999999-2222-3333-4444-555555555555'

function bundle(bundleId: bigint): FedBundle {
  return {
    bundleId,
    appMode: 'shiny',
    primaryHtml: '',
    sealedDir: '',
    initTimeoutMs: 1,
    connectionTimeoutMs: 0,
    readTimeoutMs: 0,
    processes: [],
  }
}

const FEED: RouteFeed = {
  generation: 7n,
  contents: [
    { contentGuid: A, activeBundleId: 1n, accessType: 'all', rightsVersion: 1n, bundles: [bundle(1n), bundle(2n)] },
    { contentGuid: B, activeBundleId: 0n, accessType: 'invented later', rightsVersion: 1n, bundles: [bundle(5n)] },
  ],
  paths: [
    { host: 'apps.example', pathPrefix: '/sales/', contentGuid: A },
    { host: '', pathPrefix: '/vanity/name/', contentGuid: A },
    { host: '', pathPrefix: '/', contentGuid: A },
    { host: '', pathPrefix: '/gone/', contentGuid: '00000000-0000-0000-0000-000000000000' },
  ],
}
const TABLE = compileRoutes(FEED)

const CASES: readonly [host: string, path: string, wanted: string][] = [
  ['x', `/content/${A}/`, `content 1 /content/${A} /`],
  ['x', `/content/${A}/a/b`, `content 1 /content/${A} /a/b`],
  ['x', `/content/${A}//a`, `content 1 /content/${A} //a`],
  ['x', `/content/${A}`, `add_slash /content/${A}/`],
  ['x', `/content/${A}x/`, 'no_content'],
  ['x', `/content/${A.toUpperCase()}/`, `content 1 /content/${A} /`],
  ['x', '/content/nothing/', 'no_content'],
  ['x', '/content/', 'no_content'],
  ['x', '/content', 'control_plane'],
  ['x', `/content/${B}/`, 'not_deployed'],
  ['x', `/content/${B}`, `add_slash /content/${B}/`],
  ['x', `/content/${A}/_bundle2/x`, `draft 2 /content/${A}/_bundle2 /x`],
  ['x', `/content/${A}/_bundle2`, `add_slash /content/${A}/_bundle2/`],
  ['x', `/content/${A}/_bundle3/`, 'no_content'],
  ['x', `/content/${A}/_bundle02/`, `content 1 /content/${A} /_bundle02/`],
  ['x', `/content/${A}/_bundler/`, `content 1 /content/${A} /_bundler/`],
  ['x', `/content/${A}/a/_bundle2/`, `content 1 /content/${A} /a/_bundle2/`],
  ['x', `/content/${B}/_bundle5/`, `draft 5 /content/${B}/_bundle5 /`],
  ['apps.example', '/sales/x', 'content 1 /sales /x'],
  ['other.example', '/sales/x', 'control_plane'],
  ['x', '/vanity/name/x', 'content 1 /vanity/name /x'],
  ['x', '/vanity/name', 'add_slash /vanity/name/'],
  ['x', '/vanity/names', 'control_plane'],
  ['x', '/gone/x', 'control_plane'],
  ['x', '/', 'control_plane'],
  ['x', '/__api__/v1/user', 'control_plane'],
  ['x', '/connect/', 'control_plane'],
]

describe('R-050 host and path decide who answers', () => {
  test.each(CASES)('%s %s → %s', (host, path, wanted) => {
    const match = matchRoute(TABLE, host, path)
    const text =
      match.kind === 'content'
        ? `${match.draft ? 'draft' : 'content'} ${match.bundle.bundleId} ${match.prefix} ${match.rest}`
        : match.kind === 'add_slash'
          ? `add_slash ${match.path}`
          : match.kind
    expect(text).toBe(wanted)
  })

  test('an access type that we do not know is the strictest', () => {
    expect(TABLE.contents.get(B)?.accessType).toBe('acl')
  })
})

describe('the target of a request', () => {
  test.each([
    ['/a/b?c=d', '/a/b', '?c=d'],
    ['/a?b?c', '/a', '?b?c'],
    ['/__api__/../content/x', '/content/x', ''],
    ['/../../etc/passwd', '/etc/passwd', ''],
    ['/a/./b/', '/a/b/', ''],
    ['/a/b/..', '/a/', ''],
    ['/a/.', '/a/', ''],
    ['/a/%2e%2E/b', '/b', ''],
    ['/a/.%2e/b', '/b', ''],
    ['/a/...', '/a/...', ''],
    ['/a/.hidden', '/a/.hidden', ''],
    ['/a//b', '/a//b', ''],
    ['http://host/a?b', '/a', '?b'],
    ['http://host', '/', ''],
    ['/a#b', '/a', ''],
  ])('%s is path %s and query "%s"', (target, path, query) => {
    expect(parseRequestTarget(target)).toEqual({ path, query })
  })

  test.each(['*', 'host:443', 'ftp://x/y', '/a b', '/a\tb', '/a\0'])('%s is none of ours', (target) => {
    expect(parseRequestTarget(target)).toBeNull()
  })

  test('a normalised path begins with a slash, has no dot segments and stays as it is', () => {
    const segment = fc.constantFrom('', 'a', '.', '..', '%2e', '%2E.', '%2e%2e', '...', 'b')
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1 }), (segments) => {
        const path = normalisePath(`/${segments.join('/')}`)
        expect(path.startsWith('/')).toBe(true)
        for (const part of path.split('/')) expect(['.', '..']).not.toContain(part.replace(/%2e/gi, '.'))
        expect(normalisePath(path)).toBe(path)
      }),
    )
  })
})
