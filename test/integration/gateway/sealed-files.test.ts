import { execFile } from 'node:child_process'
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './backends.js'
import { GatewayStage } from './gateway-stage.js'
import { contentRoute } from './route-stage.js'

const GUID = '11111111-2222-3333-4444-555555555555'
const DEEP = '22222222-2222-3333-4444-555555555555'

describe('static content', () => {
  let stage: GatewayStage
  const get = (path: string, headers: Record<string, string> = {}) => ask(stage.port, `/content/${GUID}${path}`, { headers })

  beforeAll(async () => {
    stage = await GatewayStage.start({ frameOptionsContent: 'SAMEORIGIN' })
    const real = join(stage.dir, 'sealed')
    await mkdir(join(real, 'sub/deeper'), { recursive: true })
    await mkdir(join(real, 'empty'))
    await writeFile(join(stage.dir, 'outside.txt'), 'outside')
    await writeFile(join(real, 'page.html'), '<h1>page</h1>')
    await writeFile(join(real, 'index.html'), '<h1>index</h1>')
    await writeFile(join(real, 'sub/index.html'), 'sub')
    await writeFile(join(real, 'sub/a b&ü.txt'), 'named')
    await writeFile(join(real, 'big.bin'), Buffer.alloc(3_000_000, 7))
    await writeFile(join(real, 'ten.txt'), '0123456789')
    await symlink(join(stage.dir, 'outside.txt'), join(real, 'link.txt'))
    await symlink(stage.dir, join(real, 'linkdir'))
    await promisify(execFile)('mkfifo', [join(real, 'fifo')])
    // The tree's own place may be reached over a link: only what lies in it may not.
    await symlink(real, join(stage.dir, 'sealed-link'))
    stage.routes.publish([
      contentRoute(GUID, { appMode: 'static', sealedDir: join(stage.dir, 'sealed-link'), primaryHtml: 'page.html' }),
      contentRoute(DEEP, { appMode: 'static', sealedDir: real, primaryHtml: 'sub/index.html' }),
    ])
    await stage.inForce()
  })
  afterAll(() => stage.stop())

  test('its root is the primary page, directories have an index, names are decoded', async () => {
    expect((await get('/')).body).toBe('<h1>page</h1>')
    expect((await get('/index.html')).body).toBe('<h1>index</h1>')
    expect((await get('/sub/')).body).toBe('sub')
    expect((await get('/sub/a%20b%26%C3%BC.txt')).body).toBe('named')
    const deep = await ask(stage.port, `/content/${DEEP}/`)
    expect([deep.status, deep.headers.location]).toEqual([302, `/content/${DEEP}/sub/index.html`])
  })

  test('says what it is, and may be framed as the settings say', async () => {
    const page = await get('/')
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['x-frame-options']).toBe('SAMEORIGIN')
    expect(page.headers['cache-control']).toBe('no-cache')
    expect(page.headers.server).toBeUndefined()
    expect((await get('/big.bin')).headers['content-type']).toBe('application/octet-stream')
  })

  test('a directory without its slash gets it; one without an index is not listed', async () => {
    const sub = await get('/sub?x=1')
    expect([sub.status, sub.headers.location]).toEqual([302, `/content/${GUID}/sub/?x=1`])
    expect((await get('/empty/')).status).toBe(404)
    expect((await get('/empty')).status).toBe(404)
    expect((await get('/sub/deeper/')).status).toBe(404)
  })

  test.each([
    '/../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/sub/..%2f..%2foutside.txt',
    '/link.txt',
    '/linkdir/outside.txt',
    '/linkdir/',
    '/fifo',
    '/page.html/',
    '/page.html%00.txt',
    '/%ff',
    '/none.html',
  ])('%s leads nowhere', async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(404)
    expect(answer.body).not.toContain('outside')
  })

  test('an unchanged file is not sent again, and another bundle is another file', async () => {
    const first = await get('/ten.txt')
    const etag = first.headers.etag as string
    expect((await get('/ten.txt', { 'If-None-Match': etag })).status).toBe(304)
    expect((await get('/ten.txt', { 'If-None-Match': `"x", W/${etag}` })).status).toBe(304)
    expect((await get('/ten.txt', { 'If-Modified-Since': first.headers['last-modified'] as string })).status).toBe(304)
    expect((await get('/ten.txt', { 'If-None-Match': '"x"' })).body).toBe('0123456789')
    // Same time and size as the archive says, but unpacked anew.
    const path = join(stage.dir, 'sealed/ten.txt')
    await utimes(path, 0, 0)
    await writeFile(path, '9876543210')
    await utimes(path, 0, 0)
    expect((await get('/ten.txt', { 'If-None-Match': etag })).status).toBe(200)
    await writeFile(path, '0123456789')
  })

  test('parts of a file', async () => {
    const part = await get('/ten.txt', { Range: 'bytes=2-4' })
    expect([part.status, part.body, part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10'])
    expect((await get('/ten.txt', { Range: 'bytes=-3' })).body).toBe('789')
    expect((await get('/ten.txt', { Range: 'bytes=8-' })).body).toBe('89')
    expect((await get('/ten.txt', { Range: 'bytes=5-99' })).body).toBe('56789')
    expect((await get('/ten.txt', { Range: 'bytes=10-' })).status).toBe(416)
    expect((await get('/ten.txt', { Range: 'bytes=0-1,3-4' })).body).toBe('0123456789')
    expect((await get('/ten.txt', { Range: 'bytes=0-1', 'If-Range': '"old"' })).body).toBe('0123456789')
    const big = await get('/big.bin', { Range: 'bytes=1000000-2999999' })
    expect([big.status, big.body.length]).toEqual([206, 2_000_000])
  })

  test('only to be read', async () => {
    const post = await ask(stage.port, `/content/${GUID}/`, { method: 'POST', body: 'x' })
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD'])
    const head = await ask(stage.port, `/content/${GUID}/big.bin`, { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '3000000', ''])
    expect((await get('/big.bin')).body.length).toBe(3_000_000)
  })
})
