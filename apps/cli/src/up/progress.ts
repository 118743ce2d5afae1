// What `berth up` tells the terminal: a line per step with its time, and the one that says it is ready.

export interface Progress {
  step<T>(name: string, work: () => Promise<T> | T, note?: (result: T) => string | undefined): Promise<T>
  say(line: string): void
}

export function terminalProgress(write: (text: string) => void): Progress {
  return {
    async step(name, work, note) {
      const begin = performance.now()
      const result = await work()
      const said = note?.(result)
      write(`  ✓ ${name}${said === undefined ? '' : ` (${said})`}  ${((performance.now() - begin) / 1000).toFixed(2)} s\n`)
      return result
    },
    say(line) {
      write(`${line}\n`)
    },
  }
}
