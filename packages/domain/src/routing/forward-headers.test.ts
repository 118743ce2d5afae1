import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { confineSetCookie, formatSticky, parseSticky, readCookies } from './cookies.js'
import { confineLocation, contentRequestHeaders, contentResponseHeaders, controlPlaneRequestHeaders } from './forward-headers.js'
import { originOfAddress, publicOrigin, sameOrigin } from './public-origin.js'
import { type RequestFacts, readRequestFacts } from './request-headers.js'

const GUID = '11111111-2222-3333-4444-555555555555'
const PREFIX = `/content/${GUID}`
const ORIGIN = { proto: 'https', host: 'berth.example', prefix: '' } as const

function facts(raw: readonly string[]): RequestFacts {
  const read = readRequestFacts(raw)
  if ('kind' in read) throw new Error(read.reason)
  return read
}

function toContent(raw: readonly string[], over: Partial<Parameters<typeof contentRequestHeaders>[0]> = {}): Map<string, string> {
  const lines = contentRequestHeaders({
    facts: facts(raw),
    origin: ORIGIN,
    prefix: PREFIX,
    publicPath: `${PREFIX}/x?y`,
    appMode: 'python-api',
    visitor: undefined,
    forwardedFor: '192.0.2.1',
    traceparent: '00-a-b-00',
    ...over,
  })
  expect(lines.endsWith('\r\n')).toBe(true)
  const map = new Map<string, string>()
  for (const line of lines.slice(0, -2).split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    expect(map.has(name), `${name} twice`).toBe(false)
    map.set(name, line.slice(line.indexOf(':') + 2))
  }
  return map
}

const NEVER_FROM_OUTSIDE = [
  'X-RSC-Authorization',
  'X-RSC-Request',
  'X-Rsc-Xsrf',
  'Shiny-Server-Credentials',
  'Shiny-Shared-Secret',
  'Plumber-Shared-Secret',
  'RStudio-Connect-Credentials',
  'rstudio-connect-app-base-url',
  'RStudio-Connect-User-Session',
  'Posit-Connect-User-Session-Token',
  'X-RStudio-Root-Path',
  'X-Forwarded-For',
  'X-Forwarded-Prefix',
  'X-Forwarded-Anything',
  'X-Auth-Token',
  'X-Auth-Signature',
  'Forwarded',
  'X-Real-IP',
  'Script-Name',
  'SCRIPT_NAME',
  'RStudio_Connect_Credentials',
  'Shiny_Server_Credentials',
  'Proxy',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Upgrade',
  'Proxy-Authorization',
  'Expect',
]

describe('what content hears about a visitor', () => {
  test.each(NEVER_FROM_OUTSIDE)('%s never comes from outside', (name) => {
    expect([...toContent(['Host', 'h', name, 'forged']).values()]).not.toContain('forged')
  })

  test('in any spelling', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NEVER_FROM_OUTSIDE),
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        (name, upper) => {
          const spelled = [...name].map((c, i) => (upper[i] === true ? c.toUpperCase() : c.toLowerCase())).join('')
          expect([...toContent(['Host', 'h', spelled, 'forged']).values()]).not.toContain('forged')
        },
      ),
    )
  })

  test('other headers come as they were', () => {
    const seen = toContent(['Host', 'h', 'X-My', 'a', 'Accept', 'text/html', 'Origin', 'https://o', 'Range', 'bytes=0-1'])
    expect(seen.get('x-my')).toBe('a')
    expect(seen.get('accept')).toBe('text/html')
    expect(seen.get('origin')).toBe('https://o')
    expect(seen.get('range')).toBe('bytes=0-1')
    expect(seen.get('host')).toBe('berth.example')
  })

  test('headers named in Connection stay behind', () => {
    expect(toContent(['Host', 'h', 'Connection', 'close, X-Hop', 'X-Hop', '1']).has('x-hop')).toBe(false)
  })

  test('our own credentials stay behind, the ones of the content pass', () => {
    expect(toContent(['Authorization', 'Key abc']).has('authorization')).toBe(false)
    expect(toContent(['Authorization', 'kEY  abc']).has('authorization')).toBe(false)
    expect(toContent(['Authorization', 'Bearer abc']).get('authorization')).toBe('Bearer abc')
    expect(toContent(['Cookie', 'a=b; berth_session=s; RSC-XSRF=x; c=d; berth_process=p']).get('cookie')).toBe('a=b; c=d')
    expect(toContent(['Cookie', 'berth_session=s']).has('cookie')).toBe(false)
  })

  test('the identity is JSON in ASCII, for Shiny under its own name', () => {
    const visitor = { username: 'jörg "x"\n', groups: ['ä', '𝒢'] }
    const plain = toContent([], { visitor }).get('rstudio-connect-credentials') ?? ''
    expect(plain).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(plain)).toEqual({ user: 'jörg "x"\n', groups: ['ä', '𝒢'] })
    const shiny = toContent([], { visitor, appMode: 'shiny' })
    expect(shiny.get('shiny-server-credentials')).toBe(plain)
    expect(shiny.has('rstudio-connect-credentials')).toBe(false)
    expect(toContent([]).has('rstudio-connect-credentials')).toBe(false)
  })
})

describe('which credential counts', () => {
  test.each([
    [['X-RSC-Authorization', 'Key k1', 'Authorization', 'Key k2', 'Cookie', 'berth_session=s'], { kind: 'api_key', key: 'k1' }],
    [['X-RSC-Authorization', 'bare'], { kind: 'api_key', key: 'bare' }],
    [['X-RSC-Authorization', 'Key k', 'Authorization', 'Snowflake Token="t"'], { kind: 'api_key', key: 'k' }],
    [['Authorization', 'Key k', 'Cookie', 'berth_session=s'], { kind: 'api_key', key: 'k' }],
    [['Authorization', 'Basic x', 'Cookie', 'a=b; berth_session="s"'], { kind: 'session', session: 's' }],
    [['Cookie', 'berth_session=narrow', 'Cookie', 'berth_session=wide'], { kind: 'session', session: 'wide' }],
    [['Cookie', 'berth_session='], undefined],
    [[], undefined],
  ])('%j → %j', (raw, wanted) => {
    expect(facts(raw).credential).toEqual(wanted)
  })
})

describe('a request that two readers could understand differently is refused', () => {
  test.each([
    [['Host', 'a', 'Host', 'b']],
    [['Host', 'a/b']],
    [['Host', 'a b']],
    [['Host', 'user@a']],
    [['Content-Length', '1', 'Transfer-Encoding', 'chunked']],
    [['Content-Length', '1', 'Content-Length', '1']],
    [['Transfer-Encoding', 'gzip, chunked']],
    [['Authorization', 'Key a', 'authorization', 'Key b']],
    [['X-RSC-Authorization', 'a', 'X-RSC-Authorization', 'b']],
  ])('%j', (raw) => {
    expect(readRequestFacts(raw)).toMatchObject({ kind: 'refused' })
  })
})

describe('cookies of content', () => {
  test.each([
    ['a=b', 'a=b'],
    ['a=b; Path=/', `a=b; Path=${PREFIX}/`],
    ['a=b; path=/x; HttpOnly', `a=b; Path=${PREFIX}/x; HttpOnly`],
    ['a=b;Path = / ;Secure', `a=b; Path=${PREFIX}/;Secure`],
    [`a=b; Path=${PREFIX}/x`, `a=b; Path=${PREFIX}/x`],
    [`a=b; Path=${PREFIX}x`, `a=b; Path=${PREFIX}${PREFIX}x`],
    ['a=b; Path=relative', 'a=b'],
    ['a=b; Domain=example; Max-Age=1', 'a=b; Max-Age=1'],
    ['a=b; domain =example', 'a=b'],
    ['berth_session=forged; Path=/', null],
    [' berth_session =forged', null],
    ['RSC-XSRF=forged', null],
    ['berth_process=forged', null],
    ['=berth_session=forged', null],
    ['berth_session', null],
  ])('%s → %s', (header, wanted) => {
    expect(confineSetCookie(header, PREFIX)).toBe(wanted)
  })

  test('a sticky cookie reads back as it was written', () => {
    const key = { processId: GUID, visit: 'abcdefgh1' }
    const text = formatSticky(key, PREFIX, true)
    expect(text).toBe(`berth_process=${GUID}.abcdefgh1; Path=${PREFIX}/; HttpOnly; SameSite=Lax; Secure`)
    expect(parseSticky(readCookies(text.split(';')[0]).sticky)).toEqual(key)
    expect(parseSticky('nonsense')).toBeUndefined()
  })

  test('ours never reach content, whatever else is in the header', () => {
    const pair = fc.oneof(
      fc.constantFrom('berth_session=s', 'berth_process=p', 'RSC-XSRF=x', 'berth_session', ' berth_session =q'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        const names = readCookies(pairs.join(';')).rest.split(';')
        for (const name of names)
          expect(['berth_session', 'berth_process', 'RSC-XSRF']).not.toContain((name.split('=')[0] ?? '').trim())
      }),
    )
  })
})

describe('redirects of content', () => {
  const other = '99999999-2222-3333-4444-555555555555'
  test.each([
    ['/login', `${PREFIX}/login`],
    ['/', `${PREFIX}/`],
    [`${PREFIX}/login?next=/`, `${PREFIX}/login?next=/`],
    [`${PREFIX}`, PREFIX],
    ['login', 'login'],
    ['../x', '../x'],
    ['?a', '?a'],
    ['https://elsewhere.example/login', 'https://elsewhere.example/login'],
    ['//elsewhere.example/', '//elsewhere.example/'],
    ['http://berth.example/login', `https://berth.example${PREFIX}/login`],
    ['https://BERTH.example', `https://berth.example${PREFIX}/`],
    ['//berth.example/login', `https://berth.example${PREFIX}/login`],
    [`/content/${other}/x`, `/content/${other}/x`],
    ['/content/5', `${PREFIX}/content/5`],
    ['/__login__?url=%2F', '/__login__?url=%2F'],
    ['/connect/#/apps', '/connect/#/apps'],
    ['/connected', `${PREFIX}/connected`],
  ])('%s → %s', (location, wanted) => {
    expect(confineLocation(location, ORIGIN, PREFIX)).toBe(wanted)
  })
})

describe('what a visitor gets of content’s headers', () => {
  test('nothing that reaches beyond the content, and our own', () => {
    const raw = [
      'Server',
      'gunicorn/27',
      'X-Powered-By',
      'x',
      'Service-Worker-Allowed',
      '/',
      'Clear-Site-Data',
      '"*"',
      'ETag',
      '"1"',
    ]
    raw.push(
      'Connection',
      'X-Hop',
      'X-Hop',
      '1',
      'Set-Cookie',
      'a=b; Path=/',
      'Set-Cookie',
      'berth_session=x',
      'X-Frame-Options',
      'ALLOW',
    )
    const out = contentResponseHeaders({
      raw,
      origin: ORIGIN,
      prefix: PREFIX,
      frameOptions: 'SAMEORIGIN',
      stickyCookie: 'berth_process=p',
    })
    expect(out).toEqual([
      ...['ETag', '"1"', 'Set-Cookie', `a=b; Path=${PREFIX}/`, 'X-Frame-Options', 'SAMEORIGIN', 'Set-Cookie', 'berth_process=p'],
    ])
  })
})

describe('how the visitor addresses us', () => {
  const forwarded = { for: '6.6.6.6', host: 'public.example', proto: 'https', prefix: '/berth/' }
  test('is believed of a trusted proxy only', () => {
    const ask = { host: 'inner:3939', forwarded, address: undefined }
    expect(publicOrigin({ ...ask, peerTrusted: false })).toEqual({ proto: 'http', host: 'inner:3939', prefix: '' })
    expect(publicOrigin({ ...ask, peerTrusted: true })).toEqual({ proto: 'https', host: 'public.example', prefix: '/berth' })
    const bad = { for: undefined, host: 'a b', proto: 'gopher', prefix: '"><script>' }
    expect(publicOrigin({ ...ask, forwarded: bad, peerTrusted: true })).toEqual({ proto: 'http', host: 'inner:3939', prefix: '' })
  })
  test('is Server.Address where the host is the same', () => {
    const address = originOfAddress('https://berth.example/prefix/')
    const none = { for: undefined, host: undefined, proto: undefined, prefix: undefined }
    expect(publicOrigin({ host: 'berth.example', forwarded: none, peerTrusted: false, address })).toEqual({
      proto: 'https',
      host: 'berth.example',
      prefix: '/prefix',
    })
    expect(publicOrigin({ host: 'localhost:3939', forwarded: none, peerTrusted: false, address }).proto).toBe('http')
  })
  test('and the control plane hears it from us', () => {
    const raw = [
      'Host',
      'h',
      'X-Forwarded-For',
      '6.6.6.6',
      'X_Forwarded_For',
      '6.6.6.6',
      'Authorization',
      'Key k',
      'Cookie',
      'a=b',
      'TE',
      'x',
    ]
    expect(controlPlaneRequestHeaders({ raw, facts: facts(raw), origin: ORIGIN, forwardedFor: '192.0.2.1' })).toBe(
      'Host: h\r\nAuthorization: Key k\r\nCookie: a=b\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: berth.example\r\nX-Forwarded-Proto: https\r\n',
    )
  })
  test('a page of another site is not ours', () => {
    expect(sameOrigin('https://berth.example', 'berth.example')).toBe(true)
    expect(sameOrigin('https://berth.example:3939', 'berth.example')).toBe(false)
    expect(sameOrigin('https://evil.example', 'berth.example')).toBe(false)
    expect(sameOrigin('null', 'berth.example')).toBe(false)
    expect(sameOrigin(undefined, 'berth.example')).toBe(false)
  })
})
