import { randomInt } from 'node:crypto'

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Random letters and digits, 5.95 bits each: keys of people and processes (32), of tasks and jobs (16). */
export function randomKey(chars: number): string {
  let key = ''
  while (key.length < chars) key += LETTERS[randomInt(LETTERS.length)]
  return key
}
