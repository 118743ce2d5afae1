// The append-only record of who changed what. Written in the transaction of the change, so that neither exists alone.
// Never holds a secret: names of variables, not their values.
import type { Actor } from '@berth/domain/access/actor.js'
import type { Sql, Tx } from '../platform/postgres.js'

export const AUDIT_ACTIONS = [
  'add_user',
  'update_user',
  'lock_user',
  'set_password',
  'sign_in',
  'sign_in_failed',
  'sign_out',
  'bootstrap',
  'add_api_key',
  'remove_api_key',
  'add_content',
  'update_content',
  'update_run_as',
  'change_owner',
  'remove_content',
  'update_environment',
  'add_permission',
  'update_permission',
  'remove_permission',
  'upload_bundle',
  'remove_bundle',
  'deploy_bundle',
  'activate_bundle',
  'kill_job',
  'add_node',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

export interface AuditRecord {
  /** null = the server itself, or its operator on the command line. */
  readonly actor: Pick<Actor, 'userGuid' | 'username'> | null
  readonly action: AuditAction
  /** One sentence for people. */
  readonly description: string
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>
}

export async function recordAudit(tx: Tx | Sql, record: AuditRecord): Promise<void> {
  await tx`
    insert into audit (user_guid, user_description, action, event_description, detail)
    values (${record.actor?.userGuid ?? null}, ${record.actor?.username ?? 'server'}, ${record.action},
            ${record.description}, ${tx.json(record.detail ?? {})})`
}
