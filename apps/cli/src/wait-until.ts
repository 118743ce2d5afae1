import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@berth/domain/app-error.js'
import { LOOK_AGAIN_MS } from './limits.js'

/** Looks again until `holds` gives something, for things that send no event. `what` completes "waited … s for". */
export async function waitUntil<T>(
  what: string,
  limitMs: number,
  holds: () => Promise<T | undefined> | T | undefined,
  everyMs = LOOK_AGAIN_MS,
): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const result = await holds()
    if (result !== undefined) return result
    if (Date.now() > deadline) throw new AppError('unavailable', `waited ${limitMs / 1000} s for ${what}`)
    await sleep(everyMs)
  }
}
