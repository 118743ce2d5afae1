// The unmodified rsconnect-python of the package index, in an environment of its own that later runs use again.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CLIENT_TIMEOUT_MS } from './limits.js'

const run = promisify(execFile)
const VERSION = '1.32.0'

export interface ClientAnswer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RsconnectClient {
  /** A home of its own: stored servers and deployments of one test file. */
  readonly home: string
  run(args: readonly string[], options?: { cwd?: string; env?: Readonly<Record<string, string>> }): Promise<ClientAnswer>
  /** The same; a failure is an error with everything that the client said. */
  ok(args: readonly string[], options?: { cwd?: string; env?: Readonly<Record<string, string>> }): Promise<ClientAnswer>
  remove(): void
}

export async function createRsconnectClient(): Promise<RsconnectClient> {
  const bin = await installClient()
  const home = mkdtempSync(join(tmpdir(), 'bt-rsconnect-home-'))
  const call: RsconnectClient['run'] = async (args, options = {}) => {
    const environment = { PATH: `${bin}:/usr/bin:/bin`, HOME: home, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...options.env }
    try {
      const { stdout, stderr } = await run(join(bin, 'rsconnect'), [...args], {
        cwd: options.cwd ?? home,
        env: environment,
        timeout: CLIENT_TIMEOUT_MS,
        maxBuffer: 64 << 20,
      })
      return { code: 0, stdout, stderr }
    } catch (error) {
      const failed = error as { code?: number | string; stdout?: string; stderr?: string; killed?: boolean }
      if (typeof failed.code !== 'number') throw error
      return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' }
    }
  }
  return {
    home,
    run: call,
    async ok(args, options) {
      const answer = await call(args, options)
      if (answer.code !== 0) {
        throw new Error(`rsconnect ${args.join(' ')} ended with ${answer.code}\n${answer.stdout}\n${answer.stderr}`)
      }
      return answer
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** bin directory of the environment; made once. The command is written last, so a run that was cut short starts over. */
async function installClient(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'berth-test')
  const dir = join(cache, `rsconnect-python-${VERSION}`)
  const bin = join(dir, 'bin')
  if (existsSync(join(bin, 'rsconnect'))) return bin
  mkdirSync(cache, { recursive: true })
  rmSync(dir, { recursive: true, force: true })
  try {
    // Made where it stays: scripts of an environment name their interpreter by its path.
    await run('/usr/bin/python3', ['-m', 'venv', dir])
    await run(join(bin, 'pip'), ['install', '--quiet', `rsconnect-python==${VERSION}`], { timeout: CLIENT_TIMEOUT_MS })
  } catch (error) {
    renameSync(dir, `${dir}.broken`)
    rmSync(`${dir}.broken`, { recursive: true, force: true })
    throw error
  }
  return bin
}
