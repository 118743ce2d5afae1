import { AppError } from '@berth/domain/app-error.js'
import { isUuid } from '@berth/domain/ids.js'
import type { Sql } from '../platform/postgres.js'
import { contentVariableContext, type SecretBox } from '../platform/secret-box.js'

/** Environment that goes over a node's own connection at the moment of the launch, and is kept nowhere on the way. */
export type LaunchSecrets = (
  nodeId: string,
  ask: { readonly processId: string; readonly fence: bigint },
) => Promise<Record<string, string>>

export interface LaunchSecretsDeps {
  readonly sql: Sql
  readonly secretBox: SecretBox
  /** A new API key of the content's owner that is valid while the process lives; its text is known only here. */
  createProcessKey(processId: string, ownerGuid: string): Promise<string>
  /** Applications.DefaultAPIKeyEnv */
  readonly defaultApiKeyEnv: boolean
}

/** Only the node that the process is placed on gets them, only while it has not ended, only for its own fence. */
export function createLaunchSecrets(deps: LaunchSecretsDeps): LaunchSecrets {
  const { sql } = deps
  return async (nodeId, ask) => {
    const [row] = isUuid(ask.processId)
      ? await sql<{ kind: string; content_guid: string | null; owner_guid: string | null }[]>`
          select p.kind, p.content_guid, c.owner_guid from processes p left join content c on c.guid = p.content_guid
          where p.id = ${ask.processId} and p.node_id = ${nodeId} and p.fence = ${ask.fence} and p.phase not in ('exited', 'refused') and p.intent <> 'stop'`
      : []
    if (row === undefined) throw new AppError('forbidden', 'this process is not to be launched on this node now')
    // Variables are for the content's own code: an unpack or a restore runs none of it.
    if (row.kind !== 'service' || row.content_guid === null || row.owner_guid === null) return {}
    const contentGuid = row.content_guid
    const variables = await sql<
      { name: string; value_sealed: Uint8Array }[]
    >`select name, value_sealed from content_environment where content_guid = ${contentGuid}`
    const env = Object.fromEntries(
      variables.map(({ name, value_sealed }) => [
        name,
        deps.secretBox.open(value_sealed, contentVariableContext(contentGuid, name)),
      ]),
    )
    if (deps.defaultApiKeyEnv && env.CONNECT_API_KEY === undefined)
      env.CONNECT_API_KEY = await deps.createProcessKey(ask.processId, row.owner_guid)
    return env
  }
}
