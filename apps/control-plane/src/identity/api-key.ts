import { createHash } from 'node:crypto'
import { randomKey } from '../random-key.js'
import { API_KEY_CHARS } from '../rest-limits.js'

/** Clients insist on exactly 32 letters and digits (publisher-api 1.2). */
export function newApiKey(): string {
  return randomKey(API_KEY_CHARS)
}

/** What is stored, and what the gateway sends, instead of a key or a session's secret. A key of 190 random bits needs no salt. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
