import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './run-command.js'

const CONFLICT = 5

/** Whether a monitor lives: it holds an exclusive flock on `lock` of its run directory for as long as it does. Node has no flock. */
export async function isMonitorAlive(runDir: string): Promise<boolean> {
  const lock = join(runDir, 'lock')
  if (!existsSync(lock)) return false
  const outcome = await runCommand('/usr/bin/flock', ['--nonblock', '--conflict-exit-code', String(CONFLICT), lock, '/bin/true'])
  if (outcome.code === CONFLICT) return true
  if (outcome.code === 0) return false
  throw new Error(`flock on ${lock} failed with ${outcome.code}: ${outcome.stderr.slice(0, 300)}`)
}
