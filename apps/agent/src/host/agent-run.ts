import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Counts the agent's starts on this host: 1, 2, … */
export async function nextAgentRun(stateDir: string): Promise<bigint> {
  const file = join(stateDir, 'agent-run')
  const text = await readFile(file, 'utf8').catch(() => '0')
  const next = /^\d+$/.test(text) ? BigInt(text) + 1n : 1n
  await writeFile(`${file}.new`, next.toString(), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return next
}
