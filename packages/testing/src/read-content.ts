import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Files } from './publish-content.js'

/** The files below a directory, by their path in it, as a bundle wants them; `changes` replaces, adds or (null) removes some. */
export function readContent(dir: string, changes: Readonly<Record<string, string | Uint8Array | null>> = {}): Files {
  const files: Record<string, string | Uint8Array> = {}
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files[relative(dir, path)] = readFileSync(path)
  }
  for (const [name, data] of Object.entries(changes)) {
    if (data === null) delete files[name]
    else files[name] = data
  }
  return files
}
