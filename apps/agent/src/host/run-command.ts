import { execFile } from 'node:child_process'
import { HOST_COMMAND_BYTES_MAX, HOST_COMMAND_MS } from '../limits.js'

export interface CommandOutcome {
  /** Exit code; 128+N for signals, also that of our own deadline. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface CommandOptions {
  readonly timeoutMs?: number
  /** Run as this account instead of root; it gets no supplementary groups. */
  readonly as?: { readonly uid: number; readonly gid: number }
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program of the host with a fixed environment, bounded in time and output. Rejects only when it cannot be executed. */
export function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...args],
      {
        cwd: '/',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...options.env },
        timeout: options.timeoutMs ?? HOST_COMMAND_MS,
        killSignal: 'SIGKILL',
        maxBuffer: HOST_COMMAND_BYTES_MAX,
        ...(options.as === undefined ? {} : { uid: options.as.uid, gid: options.as.gid }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ code: 0, stdout, stderr })
        if (typeof error.code === 'number') return resolve({ code: error.code, stdout, stderr })
        if (error.signal !== undefined && error.signal !== null) return resolve({ code: 137, stdout, stderr })
        return reject(new Error(`cannot run ${file}`, { cause: error }))
      },
    )
    child.stdin?.end()
  })
}
