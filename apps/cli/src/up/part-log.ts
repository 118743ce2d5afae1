// What a part writes to its stderr: all of it to DataDir/logs/<part>.log in bounded files, warnings and worse to the terminal.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { LOG_FILE_BYTES_MAX, LOG_FILES_KEPT, LOG_TAIL_LINES } from '../limits.js'
import { formatLogLine } from './format-log-line.js'

export interface PartLog {
  attach(stream: Readable): void
  /** The last lines for a person, newest last. */
  tail(): readonly string[]
  close(): void
}

/** directory: root's alone. show: a line for the terminal. */
export function createPartLog(name: string, directory: string, show: (line: string) => void): PartLog {
  const path = join(directory, `${name}.log`)
  let descriptor = openSync(path, 'a', 0o600)
  let bytes = fstatSync(descriptor).size
  const tail: string[] = []

  const write = (line: string): void => {
    const data = Buffer.from(`${line}\n`)
    if (bytes + data.length > LOG_FILE_BYTES_MAX) {
      closeSync(descriptor)
      for (let number = LOG_FILES_KEPT - 1; number >= 1; number -= 1) {
        try {
          renameSync(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`)
        } catch {
          // there are fewer files yet
        }
      }
      descriptor = openSync(path, 'a', 0o600)
      bytes = 0
    }
    bytes += writeSync(descriptor, data)
  }

  const take = (line: string): void => {
    if (line === '') return
    write(line)
    const shown = formatLogLine(name, line)
    tail.push(shown.text)
    if (tail.length > LOG_TAIL_LINES) tail.shift()
    if (shown.urgent) show(shown.text)
  }

  return {
    attach(stream) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) take(line)
      })
      stream.on('end', () => take(rest))
      stream.on('error', () => {})
    },
    tail: () => tail,
    close: () => closeSync(descriptor),
  }
}
