import type { UserGuid } from '@berth/domain/ids.js'
import type { Sql } from '../platform/postgres.js'

export async function groupNamesOf(sql: Sql, userGuid: UserGuid): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select g.name from groups g join group_members m on m.group_guid = g.guid where m.user_guid = ${userGuid} order by g.name`
  return rows.map((row) => row.name)
}
