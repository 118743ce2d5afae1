// What `berth up` says to the person who started it: one line per step with its time, and what goes wrong.

export interface Progress {
  /** Runs one step and prints its name and time. The work may return a note for the line. */
  step<T>(name: string, work: () => Promise<T>, note?: (result: T) => string | undefined): Promise<T>
  say(line: string): void
  warn(line: string): void
}

export function createProgress(out: NodeJS.WritableStream, err: NodeJS.WritableStream): Progress {
  return {
    async step(name, work, note) {
      const begin = performance.now()
      const seconds = () => `${((performance.now() - begin) / 1000).toFixed(1)} s`
      try {
        const result = await work()
        const said = note?.(result)
        out.write(`  ✓ ${name}${said === undefined ? '' : ` (${said})`}  ${seconds()}\n`)
        return result
      } catch (error) {
        out.write(`  ✗ ${name}  ${seconds()}\n`)
        throw error
      }
    },
    say: (line) => void out.write(`${line}\n`),
    warn: (line) => void err.write(`${line}\n`),
  }
}
