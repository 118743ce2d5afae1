import { Readable } from 'node:stream'
import { type Job, jobError, jobKill, jobLog, jobLogQuery } from '@berth/api-contract/job.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import type { JobKey } from '@berth/domain/ids.js'
import { Controller, Delete, Get, HttpCode, Inject, Param, Query, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import type { ContentRoom } from '../content/content-room.js'
import { readCount } from '../http/page-query.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM, PROCESSES_ROOM } from '../http/tokens.js'
import { LOG_LINES_MAX } from '../limits.js'
import { LOG_LINES_DEFAULT } from '../rest-limits.js'
import { jobJson } from './job-json.js'
import type { JobLogEntry, JobRecord, ProcessesRoom } from './processes-room.js'

/** Jobs are processes, as clients call them. Source: spec/jobs-and-scaling 3.2. */
@Controller('/__api__/v1/content/:guid/jobs')
export class JobsController {
  private readonly processes: ProcessesRoom
  private readonly contents: ContentRoom

  constructor(@Inject(PROCESSES_ROOM) processes: ProcessesRoom, @Inject(CONTENT_ROOM) contents: ContentRoom) {
    this.processes = processes
    this.contents = contents
  }

  @Get()
  async list(@CurrentActor() actor: Actor, @Param('guid') guid: string): Promise<Job[]> {
    const { contentGuid } = await this.contents.require(actor, guid, 'read_log')
    return (await this.processes.listJobs(contentGuid)).map(jobJson)
  }

  @Get(':key')
  async get(@CurrentActor() actor: Actor, @Param('guid') guid: string, @Param('key') key: string): Promise<Job> {
    return jobJson(await this.requireJob(actor, guid, key, 'read_log'))
  }

  /** Registers the order and answers at once; the end shows in the job's record. */
  @Delete(':key')
  @HttpCode(200)
  async stop(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('key') key: string,
  ): Promise<z.infer<typeof jobKill>> {
    const job = await this.requireJob(actor, guid, key, 'stop_process')
    const order = await this.processes.requestStop({ key: job.key }, 'killed', actor)
    if (order.kind === 'not_found') throw unknownJob()
    if (order.kind === 'not_active') throw new AppError('conflict', 'The process has ended already.', { apiCode: 163 })
    return {
      guid: job.processId,
      app_id: String(job.contentId ?? ''),
      app_guid: guid,
      job_id: String(job.jobId),
      job_key: job.key,
      result: 'Order to kill job registered',
    }
  }

  @Get(':key/log')
  async log(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('key') key: string,
    @Query({ schema: jobLogQuery }) query: z.infer<typeof jobLogQuery>,
  ): Promise<z.infer<typeof jobLog>> {
    const maxLines = Math.min(readCount(query.maxLogLines, 'maxLogLines') ?? LOG_LINES_DEFAULT, LOG_LINES_MAX)
    const entries = await this.readLog(actor, guid, key, maxLines)
    return {
      entries: entries.map(({ source, timestamp, data }) => ({ source, timestamp: timestamp.toISOString(), data })),
    }
  }

  @Get(':key/download')
  async download(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('key') key: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.requireJob(actor, guid, key, 'read_log')
    await reply
      .headers({ 'content-type': 'text/plain; charset=utf-8', 'content-disposition': `attachment; filename="${job.key}.log"` })
      .send(Readable.from(textOf(this.processes.wholeLog(job.processId)), { objectMode: false }))
  }

  @Get(':key/error')
  async error(
    @CurrentActor() actor: Actor,
    @Param('guid') guid: string,
    @Param('key') key: string,
  ): Promise<z.infer<typeof jobError>> {
    const job = await this.requireJob(actor, guid, key, 'read_log')
    const failed =
      job.phase === 'refused' ||
      job.phase === 'lost' ||
      (job.phase === 'exited' && job.exitReason !== 'stopped' && job.exitCode !== 0)
    if (!failed) return {}
    return {
      error_code: job.exitReason ?? job.phase,
      summary: job.message ?? `The process ended with code ${job.exitCode ?? 'unknown'}.`,
      failing_step: job.failingStep === '' ? null : job.failingStep,
      exit_code: job.exitCode,
    }
  }

  private async readLog(actor: Actor, guid: string, key: string, maxLines: number): Promise<readonly JobLogEntry[]> {
    const job = await this.requireJob(actor, guid, key, 'read_log')
    return (await this.processes.readLog(job.key, { maxLines })) ?? []
  }

  private async requireJob(actor: Actor, guid: string, key: string, action: 'read_log' | 'stop_process'): Promise<JobRecord> {
    const { contentGuid } = await this.contents.require(actor, guid, action)
    const job = await this.processes.getJob(contentGuid, key as JobKey)
    if (job === undefined) throw unknownJob()
    return job
  }
}

async function* textOf(batches: AsyncIterable<readonly JobLogEntry[]>): AsyncGenerator<string> {
  for await (const entries of batches) {
    if (entries.length === 0) continue
    yield entries.map(({ source, timestamp, data }) => `${timestamp.toISOString()} [${source}] ${data}\n`).join('')
  }
}

function unknownJob(): AppError {
  return new AppError('not_found', 'The job does not exist.', { apiCode: 4 })
}
