import type { SchedulerSettingsBody, serverSettings } from '@berth/api-contract/server-settings.js'
import type { ControlPlaneSettings, SchedulerSettings } from '@berth/config/part-settings.js'
import { PRODUCT_VERSION } from '@berth/domain/versions.js'
import type { z } from 'zod'

/**
 * What clients read before they sign in. `version` is the API level that they expect and decides what they try; our own name and
 * version are in `about` and `build`. Source: publisher-api 2.2, 6.3.
 */
export function serverSettingsJson(
  settings: ControlPlaneSettings,
  host: string,
  runtimes: { readonly python: boolean; readonly r: boolean },
): z.infer<typeof serverSettings> {
  return {
    version: settings.apiVersion,
    build: `berth-${PRODUCT_VERSION}`,
    about: `Berth v${PRODUCT_VERSION}`,
    hostname: host,
    authentication: {
      name: 'Password',
      handles_credentials: true,
      handles_login: true,
      challenge_response_enabled: false,
      external_user_data: false,
      external_user_search: false,
      external_user_id: false,
      groups_enabled: true,
      external_group_search: false,
      external_group_members: false,
      external_group_id: false,
      external_group_owner: false,
      unique_usernames: true,
      name_editable_by: 'adminandself',
      email_editable_by: 'adminandself',
      username_editable_by: 'admin',
      role_editable_by: 'admin',
      name_required: false,
      email_required: false,
      forced_username: false,
      user_add: 'admin',
      notice: '',
      warning_delay: 0,
      API_key_auth: true,
    },
    dashboard_path: '/connect',
    logout_url: '__logout__',
    license: {
      ts: 0,
      status: 'activated',
      expiration: 0,
      'days-left': 0,
      'has-key': false,
      tier: 'enterprise',
      users: 0,
      'allow-apis': true,
      'current-user-execution': false,
      'enable-launcher': false,
      'oauth-integrations': false,
    },
    runtimes: [...(runtimes.r ? ['R'] : []), ...(runtimes.python ? ['Python'] : [])],
    execution_type: 'native',
    git_enabled: false,
    git_available: false,
    enable_runtime_constraints: false,
    enable_image_management: false,
    default_image_selection_enabled: false,
    default_environment_management_selection: false,
    default_r_environment_management: true,
    default_py_environment_management: true,
    oauth_integrations_enabled: false,
    mail_configured: false,
    mail_all: false,
    self_registration: false,
    prohibited_usernames: [],
    maximum_app_image_size: 0,
    system_display_name: 'Berth',
    jump_start_enabled: false,
    permission_request: false,
    self_test_enabled: false,
    enable_runtime_cache_management: false,
    locked_content_enabled: true,
    viewer_kiosk: false,
  }
}

/** Seconds and counts; 0 = no limit. */
export function schedulerJson(scheduler: SchedulerSettings): SchedulerSettingsBody {
  return {
    min_processes: scheduler.minProcesses,
    max_processes: scheduler.maxProcesses,
    max_conns_per_process: scheduler.maxConnsPerProcess,
    load_factor: scheduler.loadFactor,
    init_timeout: scheduler.initTimeoutMs / 1000,
    idle_timeout: scheduler.idleTimeoutMs / 1000,
    min_processes_limit: scheduler.minProcessesLimit,
    max_processes_limit: scheduler.maxProcessesLimit,
    connection_timeout: scheduler.connectionTimeoutMs / 1000,
    read_timeout: scheduler.readTimeoutMs / 1000,
    cpu_request: 0,
    max_cpu_request: 0,
    cpu_limit: 0,
    max_cpu_limit: 0,
    memory_request: 0,
    max_memory_request: 0,
    memory_limit: 0,
    max_memory_limit: 0,
    amd_gpu_limit: 0,
    max_amd_gpu_limit: 0,
    nvidia_gpu_limit: 0,
    max_nvidia_gpu_limit: 0,
  }
}
