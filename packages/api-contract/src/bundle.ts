import { z } from 'zod'
import { guid, idInput, maybe, time } from './scalars.js'

export const bundleMetadata = z.object({
  source: z.string().nullable(),
  source_repo: z.string().nullable(),
  source_branch: z.string().nullable(),
  source_commit: z.string().nullable(),
  archive_md5: z.string().nullable(),
  archive_sha1: z.string().nullable(),
})

/** The `metadata` part of a multipart upload; unknown keys are ignored. */
export const bundleMetadataInput = z.object({
  source: maybe(z.string().nullable()),
  source_repo: maybe(z.string().nullable()),
  source_branch: maybe(z.string().nullable()),
  source_commit: maybe(z.string().nullable()),
})

export const bundle = z.object({
  id: z.string(),
  content_guid: guid,
  created_time: time,
  created_by: guid.nullable(),
  created_by_name: z.string().nullable(),
  created_by_user: z.string().nullable(),
  cluster_name: z.string().nullable(),
  image_name: z.string().nullable(),
  environment_guid: z.string().nullable(),
  r_version: z.string().nullable(),
  r_environment_management: z.boolean().nullable(),
  py_version: z.string().nullable(),
  py_environment_management: z.boolean().nullable(),
  quarto_version: z.string().nullable(),
  active: z.boolean(),
  size: z.int(),
  metadata: bundleMetadata,
})
export type Bundle = z.infer<typeof bundle>

export const deployRequest = z.object({
  bundle_id: maybe(idInput.nullable()),
  activate: maybe(z.boolean().nullable()),
})

/** No body at all means the same as an empty one. */
export const deployBody = maybe(deployRequest)

export const deployResponse = z.object({ task_id: z.string() })
