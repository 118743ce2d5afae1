import { expect, test } from 'vitest'
import { formatValue, parseValue, type SettingKind } from './setting-type.js'

test.each<[SettingKind, string, boolean | number | string]>([
  ['boolean', 'true', true],
  ['boolean', 'Yes', true],
  ['boolean', 'off', false],
  ['integer', '20', 20],
  ['integer', '-1', -1],
  ['decimal', '0.5', 0.5],
  ['decimal', '1', 1],
  ['string', ' as it is ', ' as it is '],
  ['duration', '500ms', 500],
  ['duration', '3m', 180_000],
  ['duration', '12h', 43_200_000],
  ['duration', '1d', 86_400_000],
  ['duration', '1h30m', 5_400_000],
  ['duration', '0', 0],
  ['duration', '5000000000', 5_000], // a bare integer is nanoseconds
  ['bytes', '10 MB', 10_000_000],
  ['bytes', '10MiB', 10_485_760],
  ['bytes', '1.5 kB', 1_500],
  ['bytes', '4096', 4_096],
])('%s %j is %j', (kind, text, value) => {
  expect(parseValue(kind, text)).toEqual({ kind: 'value', value })
})

test.each<[SettingKind, string]>([
  ['boolean', 'maybe'],
  ['boolean', ''],
  ['integer', '1.5'],
  ['integer', '1e3'],
  ['integer', ''],
  ['decimal', 'x'],
  ['duration', '5 parsecs'],
  ['duration', '5'.concat('x')],
  ['duration', '-5s'],
  ['duration', ''],
  ['bytes', '5 M'],
  ['bytes', 'much'],
])('%s %j is refused', (kind, text) => {
  expect(parseValue(kind, text).kind).toBe('bad')
})

test.each<[SettingKind, boolean | number | string, string]>([
  ['duration', 5_000, '5s'],
  ['duration', 90_000, '90s'],
  ['duration', 86_400_000, '1d'],
  ['duration', 250, '250ms'],
  ['bytes', 10_000_000_000, '10 GB'],
  ['bytes', 2 ** 20, '1 MiB'],
  ['bytes', 1234, '1234'],
  ['boolean', false, 'false'],
])('%s %j is shown as %j, and that reads back', (kind, value, text) => {
  expect(formatValue(kind, value)).toBe(text)
  expect(parseValue(kind, text)).toEqual({ kind: 'value', value })
})
