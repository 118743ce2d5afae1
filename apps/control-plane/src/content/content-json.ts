import type { Content as ContentBody } from '@berth/api-contract/content.js'
import type { LegacyApplication } from '@berth/api-contract/legacy-application.js'
import { APP_MODES, isAppMode } from '@berth/domain/manifest/app-modes.js'
import type { PublicUrl } from '../http/public-url.js'
import { seconds } from '../http/rfc3339.js'
import type { Content } from './content.store.js'

/**
 * The same keys in the same order everywhere: one client compares whole objects of different answers.
 * Viewers do not see versions and images (publisher-api 1.10).
 */
export function contentJson(content: Content, url: PublicUrl, options: { readonly owner: boolean }): ContentBody {
  const configuration = content.app_role !== 'viewer'
  return {
    guid: content.guid,
    id: String(content.id),
    name: content.name,
    title: content.title,
    description: content.description,
    access_type: content.access_type,
    locked: content.locked,
    locked_message: content.locked_message,
    connection_timeout: content.connection_timeout,
    read_timeout: content.read_timeout,
    init_timeout: content.init_timeout,
    idle_timeout: content.idle_timeout,
    max_processes: content.max_processes,
    min_processes: content.min_processes,
    max_conns_per_process: content.max_conns_per_process,
    load_factor: content.load_factor,
    memory_request: numberOrNull(content.memory_request),
    memory_limit: numberOrNull(content.memory_limit),
    cpu_request: content.cpu_request,
    cpu_limit: content.cpu_limit,
    amd_gpu_limit: numberOrNull(content.amd_gpu_limit),
    nvidia_gpu_limit: numberOrNull(content.nvidia_gpu_limit),
    service_account_name: content.service_account_name,
    default_image_name: content.default_image_name,
    default_environment_guid: content.default_environment_guid,
    default_r_environment_management: content.default_r_environment_management,
    default_py_environment_management: content.default_py_environment_management,
    created_time: seconds(content.created_time),
    last_deployed_time: seconds(content.last_deployed_time),
    bundle_id: content.bundle_id === null ? null : String(content.bundle_id),
    app_mode: content.app_mode,
    content_category: content.content_category,
    parameterized: content.parameterized,
    cluster_name: null,
    image_name: null,
    environment_guid: null,
    r_version: configuration ? content.r_version : null,
    py_version: configuration ? content.py_version : null,
    quarto_version: null,
    node_version: null,
    r_environment_management: configuration && content.r_version !== null ? true : null,
    py_environment_management: configuration && content.py_version !== null ? true : null,
    run_as: configuration ? content.run_as : null,
    run_as_current_user: content.run_as_current_user,
    owner_guid: content.owner_guid,
    ...urls(content, url),
    app_role: content.app_role,
    ...(options.owner
      ? {
          owner: {
            guid: content.owner.guid,
            username: content.owner.username,
            first_name: content.owner.firstName,
            last_name: content.owner.lastName,
          },
        }
      : {}),
  }
}

export function legacyApplicationJson(content: Content, url: PublicUrl): LegacyApplication {
  const { content_url, dashboard_url } = urls(content, url)
  return {
    id: Number(content.id),
    guid: content.guid,
    name: content.name,
    title: content.title,
    description: content.description,
    access_type: content.access_type,
    url: content_url,
    vanity_url: false,
    dashboard_url,
    app_mode: isAppMode(content.app_mode) ? APP_MODES[content.app_mode] : 0,
    bundle_id: content.bundle_id === null ? null : Number(content.bundle_id),
    build_status: 2,
    has_parameters: content.parameterized,
    needs_config: false,
    owner_guid: content.owner_guid,
    owner_username: content.owner.username,
    owner_first_name: content.owner.firstName,
    owner_last_name: content.owner.lastName,
    owner_email: content.owner.email,
    owner_locked: content.owner.locked,
    is_scheduled: false,
    git: null,
    run_as: content.app_role === 'viewer' ? null : content.run_as,
    app_role: content.app_role,
    created_time: seconds(content.created_time),
    last_deployed_time: seconds(content.last_deployed_time),
  }
}

function urls(content: Content, { origin, prefix }: PublicUrl): { content_url: string; dashboard_url: string } {
  return {
    content_url: `${origin}${prefix}/content/${content.guid}/`,
    dashboard_url: `${origin}${prefix}/connect/#/apps/${content.guid}`,
  }
}

function numberOrNull(value: bigint | null): number | null {
  return value === null ? null : Number(value)
}
