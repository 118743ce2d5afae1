import { createHash, randomInt } from 'node:crypto'
import { API_KEY_CHARS } from '../rest-limits.js'

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Random letters and digits; clients insist on exactly 32 of them for a key (publisher-api 1.2). */
export function randomKey(chars = API_KEY_CHARS): string {
  let key = ''
  while (key.length < chars) key += LETTERS[randomInt(LETTERS.length)]
  return key
}

/** What is stored, and what the gateway sends, instead of a key or a session's secret. A key of 190 random bits needs no salt. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
