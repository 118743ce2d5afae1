// The audit record as people read it: newest first, page by page, by cursor so that new rows do not shift the pages.
import type { Sql } from '../platform/postgres.js'

export interface AuditRow {
  readonly id: bigint
  readonly time: Date
  readonly userId: bigint | null
  readonly userGuid: string | null
  readonly userDescription: string
  readonly action: string
  readonly description: string
}

export interface AuditRoom {
  /** Rows beyond the cursor in the given order; one more than `limit` is never returned, `more` tells that there are some. */
  read(page: { readonly after: bigint | undefined; readonly ascending: boolean; readonly limit: number }): Promise<{
    rows: readonly AuditRow[]
    more: boolean
  }>
}

export function createAuditRoom(deps: { readonly sql: Sql }): AuditRoom {
  const { sql } = deps
  return {
    async read({ after, ascending, limit }) {
      const rows = await sql<AuditRow[]>`
        select a.id, a.time, u.id as "userId", a.user_guid as "userGuid", a.user_description as "userDescription", a.action,
          a.event_description as description
        from audit a left join users u on u.guid = a.user_guid
        ${after === undefined ? sql`` : ascending ? sql`where a.id > ${after}` : sql`where a.id < ${after}`}
        order by a.id ${ascending ? sql`asc` : sql`desc`} limit ${limit + 1}`
      return { rows: rows.slice(0, limit), more: rows.length > limit }
    },
  }
}
