// What every bench shares: order statistics, a description of the machine, and raw numbers kept as JSON.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'

/** numbers: any order. p: 0 to 1. */
export function quantile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]
}

export function median(numbers) {
  return quantile(numbers, 0.5)
}

/** A copy in random order (Fisher and Yates). */
export function shuffled(items) {
  const copy = [...items]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j], copy[i]]
  }
  return copy
}

export function describeMachine() {
  const distribution = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="?(.*?)"?$/m)?.[1]
  return {
    distribution,
    kernel: release(),
    architecture: arch(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load_before: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' '),
  }
}

/** Version line of a program, or why there is none. */
export function versionOf(program, args = ['--version']) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
      .trim()
      .split('\n')[0]
  } catch (error) {
    return `not there (${error.code ?? error.status})`
  }
}

/** Writes test/bench/results/<name>.json. */
export function writeResults(name, results) {
  const directory = join(import.meta.dirname, 'results')
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `${name}.json`)
  writeFileSync(
    path,
    `${JSON.stringify({ bench: name, date: new Date().toISOString(), machine: describeMachine(), ...results }, null, 1)}\n`,
  )
  return path
}

/** rows: arrays of strings or numbers; the first is the head. */
export function printTable(rows) {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : String(cell))))
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  for (const row of cells) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join('  '))
}
