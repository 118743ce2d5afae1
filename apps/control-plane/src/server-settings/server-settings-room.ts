// What the whole installation offers: interpreters of the connected hosts.
// Reads the facts that nodes report; owns nothing.
import type { Sql } from '../platform/postgres.js'

export interface ServerSettingsRoom {
  /** Versions on hosts that are known, newest first, each once. */
  listVersions(language: 'python' | 'r'): Promise<readonly string[]>
}

export function createServerSettingsRoom(deps: { readonly sql: Sql }): ServerSettingsRoom {
  return {
    async listVersions(language) {
      const key = language === 'python' ? 'pythons' : 'rs'
      const rows = await deps.sql<{ version: string }[]>`
        select distinct installation ->> 'version' as version
        from nodes, jsonb_array_elements(coalesce(nodes.facts -> ${key}, '[]'::jsonb)) as installation
        where installation ->> 'version' is not null`
      return rows.map((row) => row.version).sort(newestFirst)
    },
  }
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true })
}
