import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { publicUrl, visitorAddress } from './public-url.js'

const request = (headers: Record<string, string>): FastifyRequest => ({ headers }) as unknown as FastifyRequest

test.each([
  ['the host as it was typed', { host: 'h:3939' }, null, 'http://h:3939', ''],
  [
    'what a proxy says',
    { host: 'h', 'x-forwarded-host': 'pub.example', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/b/' },
    null,
    'https://pub.example',
    '/b',
  ],
  [
    'Server.Address wins',
    { host: 'h', 'x-forwarded-host': 'other' },
    'https://pub.example/berth/',
    'https://pub.example',
    '/berth',
  ],
  ['a host that is none', { host: 'a"><script>' }, null, 'http://localhost', ''],
  ['a prefix that is none', { host: 'h', 'x-forwarded-prefix': '//evil.example' }, null, 'http://h', ''],
] as const)('%s', (_name, headers, address, origin, prefix) => {
  expect(publicUrl(request(headers), address)).toMatchObject({ origin, prefix, secure: origin.startsWith('https') })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['invented, 192.0.2.1, 10.0.0.1', '192.0.2.1'],
  ['', 'unknown'],
])('the visitor of %j is %s', (header, address) => {
  expect(visitorAddress(request({ 'x-forwarded-for': header }))).toBe(address)
})
