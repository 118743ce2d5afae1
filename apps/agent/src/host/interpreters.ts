import { existsSync } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { PythonInstallation, RInstallation } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { INTERPRETER_PROBE_MS, INTERPRETERS_MAX } from '../limits.js'
import { runCommand } from './run-command.js'

/*
 * Which R and Python installations this host has for content. Only those that any account can reach and execute, and they are asked as
 * an unprivileged account: root must not execute what it finds.
 */

export interface Probing {
  readonly as: { readonly uid: number; readonly gid: number }
  /** Configured executables; empty = look where distributions put them. */
  readonly configured: readonly string[]
}

const PYTHON_VERSION = 'import sys; print("%d.%d.%d" % sys.version_info[:3])'
const R_FACTS = [
  'cat("home", R.home(), "\\n", sep = "\\t")',
  'cat("version", paste(R.version$major, R.version$minor, sep = "."), "\\n", sep = "\\t")',
  'm <- installed.packages(fields = "Version")[, c("Package", "Version"), drop = FALSE]',
  'm <- m[!duplicated(m[, 1]), , drop = FALSE]', // the first library in the search path wins, as in R
  'cat(paste("package", m[, 1], m[, 2], "", sep = "\\t"), sep = "\\n")',
].join('; ')

export async function discoverPythons(probing: Probing): Promise<PythonInstallation[]> {
  const candidates = probing.configured.length > 0 ? probing.configured : await usualPythons()
  const found = await Promise.all((await reachableOnce(candidates)).map((executable) => probePython(executable, probing)))
  return found.filter((one) => one !== undefined)
}

export async function discoverRs(probing: Probing): Promise<RInstallation[]> {
  const candidates = probing.configured.length > 0 ? probing.configured : await usualRs()
  const found = await Promise.all((await reachableOnce(candidates)).map((executable) => probeR(executable, probing)))
  // The front end in PATH is a copy of the one in R's home: the first of each home counts.
  const byHome = new Map(
    found
      .filter((one) => one !== undefined)
      .reverse()
      .map((one) => [one.home, one.installation]),
  )
  return [...byHome.values()].reverse()
}

async function usualPythons(): Promise<string[]> {
  return ['/usr/bin/python3', '/usr/local/bin/python3', ...(await below('/opt/python', 'bin/python3'))]
}

async function usualRs(): Promise<string[]> {
  return ['/usr/bin/R', '/usr/local/bin/R', '/usr/lib/R/bin/R', '/usr/lib64/R/bin/R', ...(await below('/opt/R', 'bin/R'))]
}

async function below(dir: string, name: string): Promise<string[]> {
  const versions = await readdir(dir).catch(() => [])
  return versions.sort().map((version) => join(dir, version, name))
}

async function probePython(executable: string, probing: Probing): Promise<PythonInstallation | undefined> {
  const outcome = await probe(executable, ['-I', '-c', PYTHON_VERSION], probing)
  const version = outcome?.trim()
  return version !== undefined && /^\d+\.\d+\.\d+$/.test(version) ? { version, executable } : undefined
}

async function probeR(executable: string, probing: Probing): Promise<{ home: string; installation: RInstallation } | undefined> {
  const outcome = await probe(executable, ['--vanilla', '--no-echo', '-e', R_FACTS], probing)
  if (outcome === undefined) return undefined
  const rows = outcome.split('\n').map((line) => line.split('\t'))
  const version = rows.find((row) => row[0] === 'version')?.[1]
  const home = rows.find((row) => row[0] === 'home')?.[1]
  if (version === undefined || home === undefined) return undefined
  const packages = Object.fromEntries(rows.filter((row) => row[0] === 'package').map((row) => [row[1] ?? '', row[2] ?? '']))
  return { home, installation: { version, executable, packages } }
}

/** Output, or undefined when it does not work for an unprivileged account. */
async function probe(executable: string, args: readonly string[], probing: Probing): Promise<string | undefined> {
  // No home: a personal library or user site is not there for every account.
  const env = { HOME: '/nonexistent', TMPDIR: '/tmp', R_LIBS_USER: '/nonexistent' }
  const outcome = await runCommand(executable, args, { as: probing.as, env, timeoutMs: INTERPRETER_PROBE_MS }).catch(
    () => undefined,
  )
  return outcome?.code === 0 ? outcome.stdout : undefined
}

/** Those that every account can traverse to and execute, each installation once. */
async function reachableOnce(candidates: readonly string[]): Promise<string[]> {
  const seen = new Set<string>()
  const reachable: string[] = []
  for (const executable of candidates.slice(0, INTERPRETERS_MAX)) {
    if (!existsSync(executable)) continue
    const real = await realpath(executable)
    if (seen.has(real) || !(await isOpenToAll(executable)) || !(await isOpenToAll(real))) continue
    seen.add(real)
    reachable.push(executable)
  }
  return reachable
}

async function isOpenToAll(file: string): Promise<boolean> {
  for (let path = file; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false
    if (path === '/') return true
  }
}
