// What is ours alone, under /__api__/berth/v1.
import { z } from 'zod'
import { content } from './content.js'
import { job } from './job.js'
import { currentUser } from './user.js'

/** xsrf: repeat it in the header X-Rsc-Xsrf; null when the caller uses a key. */
export const whoAmI = z.object({ user: currentUser, xsrf: z.string().nullable() })

/** Content that the caller manages, each with its living processes, newest first. */
export const contentsWithProcesses = z.array(content.extend({ processes: z.array(job) }))
export type ContentsWithProcesses = z.infer<typeof contentsWithProcesses>
