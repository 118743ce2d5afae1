import { spawnSync } from 'node:child_process'

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const LINES_SHOWN_MAX = 40

/** Runs a program to its end and returns its output; a failure shows the last lines of what it said. */
export function run(program, args, options = {}) {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  if (done.error) throw new Error(`cannot run ${program}: ${done.error.message}`)
  if (done.status !== 0) {
    const said = `${done.stdout ?? ''}${done.stderr ?? ''}`.trimEnd().split('\n').slice(-LINES_SHOWN_MAX).join('\n')
    throw new Error(`${program} ${args.join(' ')} ended with ${done.status ?? done.signal}:\n${said}`)
  }
  return done.stdout ?? ''
}
