import { expect, test } from 'vitest'
import { readCredential } from './read-credential.js'

const key = 'a'.repeat(32)

test.each([
  ['nothing', {}, { kind: 'none' }],
  ['Authorization: Key', { authorization: `Key ${key}` }, { kind: 'api_key', key }],
  ['the scheme in another case', { authorization: `key ${key}` }, { kind: 'api_key', key }],
  ['an empty key', { authorization: 'Key ' }, { kind: 'api_key', key: '' }],
  ['the alternative header with the word', { 'x-rsc-authorization': `Key ${key}` }, { kind: 'api_key', key }],
  ['the alternative header with the bare key', { 'x-rsc-authorization': key }, { kind: 'api_key', key }],
  [
    'the alternative header wins over a foreign scheme',
    { 'x-rsc-authorization': key, authorization: 'Snowflake Token="x"' },
    { kind: 'api_key', key },
  ],
  ['a key wins over a cookie', { authorization: `Key ${key}`, cookie: 'berth_session=s' }, { kind: 'api_key', key }],
  ['the anonymous token', { 'x-auth-token': 'anonymous-access' }, { kind: 'none' }],
  [
    'the anonymous token with a cookie',
    { 'x-auth-token': 'anonymous-access', cookie: 'berth_session=s' },
    { kind: 'session', token: 's' },
  ],
  ['a session', { cookie: 'a=b; Path=/; HttpOnly; berth_session=s' }, { kind: 'session', token: 's' }],
] as const)('%s', (_name, headers, credential) => {
  expect(readCredential(headers)).toEqual(credential)
})

test.each([
  ['a bearer token', { authorization: 'Bearer invalid' }],
  ['a bootstrap token elsewhere', { authorization: 'Connect-Bootstrap x.y.z' }],
  ['a signed request', { 'x-auth-token': 'T0123' }],
] as const)('%s cannot be used', (_name, headers) => {
  expect(readCredential(headers).kind).toBe('unusable')
})
