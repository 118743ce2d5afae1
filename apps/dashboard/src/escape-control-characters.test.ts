import { expect, test } from 'vitest'
import { escapeControlCharacters } from './escape-control-characters.js'

const shown = (raw: string): string =>
  escapeControlCharacters(raw)
    .map((span) => span.text)
    .join('')

test('plain text, tabs and newlines stay as they are', () => {
  expect(escapeControlCharacters('a\tb\nÄ 日本')).toEqual([{ text: 'a\tb\nÄ 日本', escaped: false }])
})

test('T15 terminal escapes become visible and never reach the page raw', () => {
  expect(escapeControlCharacters('a\x1b[31mred\x1b[0m')).toEqual([
    { text: 'a', escaped: false },
    { text: '\\x1b', escaped: true },
    { text: '[31mred', escaped: false },
    { text: '\\x1b', escaped: true },
    { text: '[0m', escaped: false },
  ])
})

test('carriage return, NUL, DEL and C1 controls are shown by their number', () => {
  expect(shown('50%\r100%\0\x7f\x9b')).toBe('50%\\x0d100%\\x00\\x7f\\x9b')
})

test('characters that turn the reading direction around are shown by their number', () => {
  expect(shown('user\u202etxt.exe')).toBe('user\\u{202e}txt.exe')
})

test('nothing in, nothing out', () => {
  expect(escapeControlCharacters('')).toEqual([])
})
