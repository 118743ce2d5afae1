// The parts of the REST objects that this page reads.

export interface User {
  readonly guid: string
  readonly username: string
  readonly first_name: string
  readonly last_name: string
  readonly user_role: 'viewer' | 'publisher' | 'administrator'
}

export interface Content {
  readonly guid: string
  readonly name: string
  readonly title: string | null
  readonly app_mode: string
  readonly access_type: 'all' | 'logged_in' | 'acl'
  readonly app_role: 'owner' | 'editor' | 'viewer' | 'none'
  readonly bundle_id: string | null
  readonly content_url: string
  readonly run_as: string | null
  readonly last_deployed_time: string
  readonly owner?: { readonly username: string; readonly first_name: string; readonly last_name: string }
}

export interface Job {
  readonly id: string
  readonly key: string
  readonly pid: string | null
  readonly tag: string
  readonly status: number
  readonly exit_code: number | null
  readonly start_time: string | null
  readonly queued_time: string | null
  readonly end_time: string | null
  readonly hostname: string | null
  readonly run_as: string | null
}

export interface LogEntry {
  readonly source: 'stdout' | 'stderr'
  readonly timestamp: string
  readonly data: string
}
