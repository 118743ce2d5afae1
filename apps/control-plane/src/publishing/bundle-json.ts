import type { Bundle as BundleBody } from '@berth/api-contract/bundle.js'
import { seconds } from '../http/rfc3339.js'
import type { Bundle } from './bundle.store.js'

export function bundleJson(bundle: Bundle): BundleBody {
  const { metadata } = bundle
  return {
    id: String(bundle.id),
    content_guid: bundle.contentGuid,
    created_time: seconds(bundle.createdTime),
    created_by: bundle.createdBy,
    created_by_name: bundle.createdByName,
    created_by_user: bundle.createdByName,
    cluster_name: null,
    image_name: null,
    environment_guid: null,
    r_version: bundle.rVersion,
    r_environment_management: bundle.rVersion === null ? null : true,
    py_version: bundle.pythonVersion,
    py_environment_management: bundle.pythonVersion === null ? null : true,
    quarto_version: null,
    active: bundle.active,
    size: Number(bundle.archiveBytes),
    metadata: {
      source: metadata.source ?? null,
      source_repo: metadata.source_repo ?? null,
      source_branch: metadata.source_branch ?? null,
      source_commit: metadata.source_commit ?? null,
      archive_md5: bundle.archiveMd5,
      archive_sha1: bundle.archiveSha1,
    },
  }
}
