import { type Task, taskQuery } from '@berth/api-contract/task.js'
import type { Actor } from '@berth/domain/access/actor.js'
import { AppError } from '@berth/domain/app-error.js'
import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import type { ContentRoom } from '../content/content-room.js'
import { CurrentActor } from '../http/request-context.js'
import { CONTENT_ROOM, TASKS_ROOM } from '../http/tokens.js'
import type { TaskRow } from './task.store.js'
import type { TasksRoom } from './tasks-room.js'

@Controller('/__api__')
export class TasksController {
  private readonly tasks: TasksRoom
  private readonly contents: ContentRoom

  constructor(@Inject(TASKS_ROOM) tasks: TasksRoom, @Inject(CONTENT_ROOM) contents: ContentRoom) {
    this.tasks = tasks
    this.contents = contents
  }

  /** Long poll. Some clients poll without any pause of their own: the wait is what keeps them calm (publisher-api 3.0). */
  @Get('v1/tasks/:id')
  async poll(
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param('id') id: string,
    @Query({ schema: taskQuery }) query: z.infer<typeof taskQuery>,
  ): Promise<Task> {
    await this.requireTask(actor, id)
    const gone = new AbortController()
    // Of the answer, not of the connection: that one lives on and would collect listeners.
    reply.raw.once('close', () => gone.abort())
    const answer = await this.tasks.waitForTask(id, { first: query.first, waitMs: (query.wait ?? 0) * 1000 }, gone.signal)
    if (answer === undefined) throw unknownTask()
    const { task, lines } = answer
    return {
      id: task.id,
      output: [...lines],
      result: task.result,
      finished: task.finished,
      code: task.code,
      error: task.error,
      last: task.lineCount,
    }
  }

  /** Who asked for it, administrators, and collaborators of the content it is about. */
  private async requireTask(actor: Actor, id: string): Promise<TaskRow> {
    const task = await this.tasks.findTask(id)
    if (task === undefined) throw unknownTask()
    if (task.userGuid === actor.userGuid || actor.role === 'administrator') return task
    if (task.contentGuid === null) throw unknownTask()
    await this.contents.require(actor, task.contentGuid, 'change_settings')
    return task
  }
}

function unknownTask(): AppError {
  return new AppError('not_found', 'The task does not exist.', { apiCode: 141 })
}
