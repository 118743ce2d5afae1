import { z } from 'zod'
import { guid, time } from './scalars.js'

/** The unversioned Content object, with numbers where v1 has texts. Source: publisher-api 2.2. */
export const legacyApplication = z.object({
  id: z.int(),
  guid,
  name: z.string(),
  title: z.string().nullable(),
  description: z.string(),
  access_type: z.string(),
  url: z.string(),
  vanity_url: z.boolean(),
  dashboard_url: z.string(),
  app_mode: z.int(),
  bundle_id: z.int().nullable(),
  build_status: z.int(),
  has_parameters: z.boolean(),
  needs_config: z.boolean(),
  owner_guid: guid,
  owner_username: z.string(),
  owner_first_name: z.string(),
  owner_last_name: z.string(),
  owner_email: z.string(),
  owner_locked: z.boolean(),
  is_scheduled: z.boolean(),
  git: z.null(),
  run_as: z.string().nullable(),
  app_role: z.string(),
  created_time: time,
  last_deployed_time: time,
})
export type LegacyApplication = z.infer<typeof legacyApplication>

export const legacyApplications = z.object({
  applications: z.array(legacyApplication),
  count: z.int(),
  total: z.int(),
  continuation: z.string(),
})
