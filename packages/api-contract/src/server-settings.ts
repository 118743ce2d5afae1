import { z } from 'zod'

/** Unversioned and public; the least that clients read. Source: publisher-api 2.2. */
export const serverSettings = z.looseObject({
  version: z.string(),
  hostname: z.string(),
  authentication: z.looseObject({ name: z.string() }),
  dashboard_path: z.string(),
  license: z.looseObject({ 'allow-apis': z.boolean() }),
  runtimes: z.array(z.string()),
  execution_type: z.literal('native'),
  logout_url: z.string(),
})

export const applicationSettings = z.object({
  access_types: z.array(z.string()),
  run_as: z.string(),
  run_as_group: z.string(),
  run_as_current_user: z.boolean(),
})

/** Numbers; 0 = no limit. */
export const schedulerSettings = z.object({
  min_processes: z.number(),
  max_processes: z.number(),
  max_conns_per_process: z.number(),
  load_factor: z.number(),
  init_timeout: z.number(),
  idle_timeout: z.number(),
  min_processes_limit: z.number(),
  max_processes_limit: z.number(),
  connection_timeout: z.number(),
  read_timeout: z.number(),
  cpu_request: z.number(),
  max_cpu_request: z.number(),
  cpu_limit: z.number(),
  max_cpu_limit: z.number(),
  memory_request: z.number(),
  max_memory_request: z.number(),
  memory_limit: z.number(),
  max_memory_limit: z.number(),
  amd_gpu_limit: z.number(),
  max_amd_gpu_limit: z.number(),
  nvidia_gpu_limit: z.number(),
  max_nvidia_gpu_limit: z.number(),
})
export type SchedulerSettingsBody = z.infer<typeof schedulerSettings>

const installations = z.array(z.object({ version: z.string(), cluster_name: z.string(), image_name: z.string() }))
export const runtimes = z.object({ installations })
export const pythonRuntimes = z.object({ installations, api_enabled: z.boolean() })
export const nodejsRuntimes = z.object({ installations, enabled: z.boolean() })
