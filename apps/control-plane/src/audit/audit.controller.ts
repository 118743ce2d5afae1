import { type auditLogs, auditLogsQuery } from '@berth/api-contract/audit-log.js'
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { Controller, Get, Inject, Query, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { readCount, readId } from '../http/page-query.js'
import { publicUrl } from '../http/public-url.js'
import { CurrentActor } from '../http/request-context.js'
import { AUDIT_ROOM, SETTINGS } from '../http/tokens.js'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from '../rest-limits.js'
import type { AuditRoom } from './audit-room.js'

@Controller('/__api__/v1/audit_logs')
export class AuditController {
  private readonly audit: AuditRoom
  private readonly settings: ControlPlaneSettings

  constructor(@Inject(AUDIT_ROOM) audit: AuditRoom, @Inject(SETTINGS) settings: ControlPlaneSettings) {
    this.audit = audit
    this.settings = settings
  }

  /** Cursors are row ids. Going back reads the same rows the other way round. */
  @Get()
  async read(
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Query({ schema: auditLogsQuery }) query: z.infer<typeof auditLogsQuery>,
  ): Promise<z.infer<typeof auditLogs>> {
    if (actor.role !== 'administrator')
      throw new AppError('forbidden', 'Only administrators read the audit log.', { apiCode: 22 })
    const limit = Math.min(readCount(query.limit, 'limit') ?? PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
    const ascending = query.ascOrder === 'true'
    const back = query.previous !== undefined && query.previous !== ''
    const cursor = back ? query.previous : query.next
    const after = cursor === undefined || cursor === '' ? undefined : readId(cursor)
    const page = await this.audit.read({ after, ascending: back ? !ascending : ascending, limit })
    const rows = back ? page.rows.toReversed() : page.rows
    const first = rows[0]
    const last = rows.at(-1)
    const next = last !== undefined && (back || page.more) ? String(last.id) : null
    const previous = first !== undefined && after !== undefined && (!back || page.more) ? String(first.id) : null
    const { origin, prefix } = publicUrl(request, this.settings.address)
    const address = (name: string, value: string | null): string | null =>
      value === null
        ? null
        : `${origin}${prefix}/__api__/v1/audit_logs?limit=${limit}&ascOrder=${ascending}${name === '' ? '' : `&${name}=${value}`}`
    return {
      paging: {
        cursors: { previous, next },
        first: address('', ''),
        previous: address('previous', previous),
        next: address('next', next),
        last: null,
      },
      results: rows.map((row) => ({
        id: String(row.id),
        time: row.time.toISOString(),
        user_id: String(row.userId ?? 0),
        user_guid: row.userGuid ?? '',
        user_description: row.userDescription,
        action: row.action,
        event_description: row.description,
      })),
    }
  }
}
