// One run of the suite: its directory, handed from the global setup to the test processes, and the names that it has used.
// Another run, or a benchmark, may make the same kinds of things on the host at the same time; they are told apart by name.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Environment variable with the run's directory. */
export const RUN_DIR_VARIABLE = 'BERTH_TEST_RUN_DIR'

/** `bt-` and 6 hex digits name a Berth's directories, `bt` and 6 hex digits its accounts. */
const TAG = /\bbt-?[0-9a-f]{6}/g

export function testRunDir(): string | undefined {
  return process.env[RUN_DIR_VARIABLE]
}

/** Remembers a tag as this run's; does nothing outside a run. */
export function noteTag(tag: string): void {
  const dir = testRunDir()
  if (dir !== undefined && existsSync(dir)) appendFileSync(join(dir, 'tags'), `${tag}\n`)
}

export function readTags(runDir: string): string[] {
  const file = join(runDir, 'tags')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

/** True when the text carries tags, and none of them is among `own`. */
export function isOfAnotherRun(text: string, own: readonly string[]): boolean {
  const tags = text.match(TAG) ?? []
  return tags.length > 0 && !tags.some((tag) => own.includes(tag))
}
