import { spawn } from 'node:child_process'
import { BERTH_COMMAND } from '@berth/testing/test-berth.js'

export interface Finished {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the installed command to its end, with nothing of this Berth's settings in the environment but what is given. */
export async function runBerth(
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const child = spawn(BERTH_COMMAND, args, {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? -1))
  })
  return { code, out, err }
}
