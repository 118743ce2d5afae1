import { z } from 'zod'
import { guid, maybe, time } from './scalars.js'

export const accessType = z.enum(['all', 'logged_in', 'acl'])

const seconds = z.int().nonnegative().nullable()
const count = z.int().nonnegative().nullable()
const amount = z.number().nonnegative().nullable()

/** Settings of content that its collaborators change. null = the server's default. */
const settings = {
  title: z.string().nullable(),
  description: z.string(),
  access_type: z.string(),
  locked: z.boolean(),
  locked_message: z.string(),
  connection_timeout: seconds,
  read_timeout: seconds,
  init_timeout: seconds,
  idle_timeout: seconds,
  max_processes: count,
  min_processes: count,
  max_conns_per_process: count,
  load_factor: z.number().nullable(),
  memory_request: amount,
  memory_limit: amount,
  cpu_request: amount,
  cpu_limit: amount,
  amd_gpu_limit: amount,
  nvidia_gpu_limit: amount,
  service_account_name: z.string().nullable(),
  default_image_name: z.string().nullable(),
  default_environment_guid: z.string().nullable(),
  default_r_environment_management: z.boolean().nullable(),
  default_py_environment_management: z.boolean().nullable(),
} as const

type Maybe<T extends z.ZodRawShape> = { [K in keyof T]: ReturnType<typeof maybe<T[K] extends z.ZodType ? T[K] : never>> }

function allMaybe<T extends z.ZodRawShape>(shape: T): Maybe<T> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, maybe(schema as z.ZodType)]),
  ) as unknown as Maybe<T>
}

/** `name` missing or "": one is made up. Unknown fields are ignored. */
export const contentCreate = z.object({
  name: maybe(z.string().nullable()),
  ...allMaybe(settings),
  run_as: maybe(z.string().nullable()),
})
export type ContentCreate = z.infer<typeof contentCreate>

/** `name: ""` leaves the name as it is; run_as is for administrators. */
export const contentPatch = z.object({
  name: maybe(z.string().nullable()),
  owner_guid: maybe(z.string()),
  run_as: maybe(z.string().nullable()),
  run_as_current_user: maybe(z.boolean()),
  ...allMaybe(settings),
})
export type ContentPatch = z.infer<typeof contentPatch>

export const contentOwner = z.object({ guid, username: z.string(), first_name: z.string(), last_name: z.string() })

export const content = z.object({
  guid,
  id: z.string(),
  name: z.string(),
  ...settings,
  access_type: accessType,
  created_time: time,
  last_deployed_time: time,
  bundle_id: z.string().nullable(),
  app_mode: z.string(),
  content_category: z.string(),
  parameterized: z.boolean(),
  cluster_name: z.string().nullable(),
  image_name: z.string().nullable(),
  environment_guid: z.string().nullable(),
  r_version: z.string().nullable(),
  py_version: z.string().nullable(),
  quarto_version: z.string().nullable(),
  node_version: z.string().nullable(),
  r_environment_management: z.boolean().nullable(),
  py_environment_management: z.boolean().nullable(),
  run_as: z.string().nullable(),
  run_as_current_user: z.boolean(),
  owner_guid: guid,
  content_url: z.string(),
  dashboard_url: z.string(),
  app_role: z.enum(['owner', 'editor', 'viewer', 'none']),
  /** Only with include=owner. */
  owner: contentOwner.optional(),
})
export type Content = z.infer<typeof content>

export const contentQuery = z.object({
  name: z.string().optional(),
  owner_guid: z.string().optional(),
  include: z.string().optional(),
})
export const includeQuery = z.object({ include: z.string().optional() })

export const contentSearchQuery = z.object({
  q: z.string().optional(),
  include: z.string().optional(),
  page_number: z.string().optional(),
  page_size: z.string().optional(),
})
