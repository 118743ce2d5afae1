import { join } from 'node:path'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { RouteSnapshot } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import type { Sql } from '../platform/postgres.js'

interface RouteRow {
  readonly guid: string
  readonly content_id: bigint
  readonly active: bigint | null
  readonly access_type: string
  readonly rights_version: bigint
  readonly init_timeout: number | null
  readonly connection_timeout: number | null
  readonly read_timeout: number | null
  readonly bundle_id: bigint
  readonly app_mode: string
  readonly primary_html: string | null
  readonly processes: readonly { readonly id: string; readonly socket: string; readonly draining: boolean }[]
}

/**
 * Every content that can be visited, with its bundles that are built: the active one, drafts that somebody deployed, and those
 * that still have a process. Generation is left 0: it belongs to the stream.
 */
export async function buildRouteSnapshot(
  sql: Sql,
  settings: Pick<ControlPlaneSettings, 'dataDir' | 'scheduler'>,
): Promise<RouteSnapshot> {
  const rows = await sql<RouteRow[]>`
    select c.guid, c.id as content_id, c.bundle_id as active, c.access_type, c.rights_version, c.init_timeout, c.connection_timeout, c.read_timeout,
           b.id as bundle_id, b.app_mode, b.manifest #>> '{metadata,primary_html}' as primary_html,
           coalesce(p.list, '[]'::jsonb) as processes
    from content c
    join bundles b on b.content_guid = c.guid and b.state = 'built'
    left join lateral (
      select jsonb_agg(jsonb_build_object('id', id, 'socket', socket_path, 'draining', intent <> 'run') order by id) as list
      from processes where content_guid = c.guid and bundle_id = b.id and kind = 'service' and phase = 'ready' and intent <> 'stop' and socket_path is not null
    ) p on true
    where b.id = c.bundle_id or p.list is not null
       or exists (select 1 from deployments d where d.bundle_id = b.id and not d.activate and d.state = 'succeeded')
    order by c.id, b.id`
  const contents = new Map<string, RouteSnapshot['contents'][number]>()
  for (const row of rows) {
    const bundle = {
      bundleId: row.bundle_id,
      appMode: row.app_mode,
      primaryHtml: row.app_mode === 'static' ? (row.primary_html ?? 'index.html') : '',
      sealedDir: row.app_mode === 'static' ? join(settings.dataDir, 'apps', `${row.content_id}`, `${row.bundle_id}`) : '',
      initTimeoutMs: effectiveMs(row.init_timeout, settings.scheduler.initTimeoutMs),
      connectionTimeoutMs: effectiveMs(row.connection_timeout, settings.scheduler.connectionTimeoutMs),
      readTimeoutMs: effectiveMs(row.read_timeout, settings.scheduler.readTimeoutMs),
      processes: row.processes.map(({ id, socket, draining }) => ({ processId: id, socketPath: socket, draining })),
    }
    const content = contents.get(row.guid)
    if (content !== undefined) contents.set(row.guid, { ...content, bundles: [...content.bundles, bundle] })
    else {
      contents.set(row.guid, {
        contentGuid: row.guid,
        contentId: row.content_id,
        activeBundleId: row.active ?? 0n,
        accessType: row.access_type,
        rightsVersion: row.rights_version,
        bundles: [bundle],
      })
    }
  }
  return RouteSnapshot.fromPartial({ contents: [...contents.values()] })
}

/** Content's own setting in seconds, else the server's; 0 = never in both. */
export function effectiveMs(ownSeconds: number | null, defaultMs: number): number {
  return ownSeconds === null ? defaultMs : ownSeconds * 1000
}
