import { encodePlan } from './encode.js'
import type { SandboxPlan } from './plan.js'

/** A plan as golden files hold it: one `key value` a line, in the order of the encoding. */
export function goldenText(plan: SandboxPlan): string {
  const words = encodePlan(plan).toString('utf8').split('\0').slice(0, -1)
  const lines: string[] = []
  for (let at = 0; at < words.length; at += 2) lines.push(`${words[at]} ${words[at + 1]}\n`)
  return lines.join('')
}

/** The bytes that the launcher reads, from a golden text. */
export function encodeGolden(text: string): Buffer {
  const fields = text.split('\n').filter((line) => line !== '')
  return Buffer.from(fields.map((line) => `${line.replace(' ', '\0')}\0`).join(''))
}
