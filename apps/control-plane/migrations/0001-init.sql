-- Forward only. Intent and observation are different columns with different writers.

create sequence fence_seq;
create sequence stream_epoch_seq;

create table users (
  guid uuid primary key,
  id bigint generated always as identity unique,
  username text not null unique check (length(username) between 1 and 64),
  email text not null default '',
  first_name text not null default '',
  last_name text not null default '',
  user_role text not null check (user_role in ('viewer', 'publisher', 'administrator')),
  password_hash text,                          -- argon2; null = cannot sign in with a password
  confirmed boolean not null default true,
  locked boolean not null default false,
  created_time timestamptz not null default now(),
  updated_time timestamptz not null default now(),
  active_time timestamptz
);
create unique index users_username on users (lower(username));   -- "Ann" cannot be told from "ann" by looking

create table groups (
  guid uuid primary key,
  name text not null unique,
  owner_guid uuid references users (guid),
  created_time timestamptz not null default now()
);

create table group_members (
  group_guid uuid not null references groups (guid) on delete cascade,
  user_guid uuid not null references users (guid) on delete cascade,
  joined_time timestamptz not null default now(),
  primary key (group_guid, user_guid)
);

create table sessions (
  token_sha256 bytea primary key,
  user_guid uuid not null references users (guid) on delete cascade,
  xsrf_token text not null,
  created_time timestamptz not null default now(),
  last_seen_time timestamptz not null default now(),
  expires_time timestamptz not null
);

create table sign_in_attempts (                -- counts per account and per address within a window
  subject text primary key,
  window_start timestamptz not null,
  attempts int not null
);

create table content (
  guid uuid primary key,
  id bigint generated always as identity unique,
  name text not null,
  title text,
  description text not null default '',
  owner_guid uuid not null references users (guid),
  access_type text not null default 'acl' check (access_type in ('all', 'logged_in', 'acl')),
  locked boolean not null default false,
  locked_message text not null default '',
  run_as text,                                 -- null = Applications.RunAs
  run_as_current_user boolean not null default false,
  connection_timeout int, read_timeout int, init_timeout int, idle_timeout int,   -- seconds; null = server default
  max_processes int, min_processes int, max_conns_per_process int,
  load_factor double precision,
  memory_request bigint, memory_limit bigint,
  cpu_request double precision, cpu_limit double precision,
  amd_gpu_limit bigint, nvidia_gpu_limit bigint,
  service_account_name text, default_image_name text, default_environment_guid text,
  default_r_environment_management boolean, default_py_environment_management boolean,
  app_mode text not null default 'unknown',
  content_category text not null default '',
  parameterized boolean not null default false,
  bundle_id bigint,                            -- the active bundle
  generation bigint not null default 1,        -- of the settings; raised by every change
  rights_version bigint not null default 1,    -- raised when anybody's rights to it may have changed
  created_time timestamptz not null default now(),
  last_deployed_time timestamptz not null default now(),
  unique (owner_guid, name)
);

create table content_permissions (
  id bigint generated always as identity primary key,
  content_guid uuid not null references content (guid) on delete cascade,
  principal_guid uuid not null,
  principal_type text not null check (principal_type in ('user', 'group')),
  role text not null check (role in ('viewer', 'owner')),   -- owner = collaborator
  created_time timestamptz not null default now(),
  unique (content_guid, principal_guid)
);

create table content_environment (
  content_guid uuid not null references content (guid) on delete cascade,
  name text not null,
  value_sealed bytea not null,                 -- encrypted with the key file
  primary key (content_guid, name)
);

create table bundles (
  id bigint generated always as identity primary key,
  content_guid uuid not null references content (guid) on delete cascade,
  created_by uuid references users (guid) on delete set null,
  created_time timestamptz not null default now(),
  archive_bytes bigint not null,
  archive_sha256 text not null,                -- hex
  archive_sha1 text not null,
  archive_md5 text not null,
  unpacked_bytes bigint not null,
  file_count int not null,
  strip_components int not null default 0,     -- 1 when the archive's root is a single directory
  metadata jsonb not null default '{}',        -- source, source_repo, source_branch, source_commit
  manifest jsonb not null,
  app_mode text not null,
  requirements text,                           -- text of the Python package file
  -- Pinned at the first deployment:
  python_version text,
  r_version text,
  environment_hash text,
  state text not null default 'stored' check (state in ('stored', 'built', 'failed')),
  unpacked_node_id uuid
);
create index bundles_content on bundles (content_guid, id desc);
alter table content add foreign key (bundle_id) references bundles (id);

create table environments (
  hash text not null,
  python_version text not null,
  requirements text not null,
  state text not null check (state in ('building', 'ready', 'failed')),
  process_id uuid,                             -- the restore that builds or built it
  created_time timestamptz not null default now(),
  last_used_time timestamptz not null default now(),
  primary key (python_version, hash)
);

create table tasks (
  id text primary key,
  kind text not null,
  user_guid uuid,
  content_guid uuid,
  traceparent text,
  line_count int not null default 0,
  finished boolean not null default false,
  code int not null default 0,
  error text not null default '',
  result jsonb,
  created_time timestamptz not null default now(),
  finished_time timestamptz
);

create table task_lines (
  task_id text not null references tasks (id) on delete cascade,
  line int not null,                           -- from 0
  text text not null,
  primary key (task_id, line)
);

create table deployments (
  id uuid primary key,
  content_guid uuid not null references content (guid) on delete cascade,
  bundle_id bigint not null references bundles (id) on delete cascade,
  task_id text not null references tasks (id),
  activate boolean not null,
  requested_by uuid,
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed')),
  traceparent text,
  created_time timestamptz not null default now(),
  finished_time timestamptz
);
create index deployments_unfinished on deployments (created_time) where state in ('queued', 'running');

create table nodes (
  id uuid primary key,
  name text not null,
  hostname text not null default '',
  certificate_sha256 text,                     -- hex, of the newest certificate issued to it
  created_time timestamptz not null default now(),
  -- intent:
  generation bigint not null default 0,        -- of the desired state; +1 per change
  -- observation:
  stream_epoch bigint not null default 0,
  boot_id text,
  agent_run bigint,
  version text,
  facts jsonb,
  last_seen_time timestamptz,
  applied_generation bigint not null default 0
);

create table node_join_tokens (
  token_sha256 bytea primary key,
  created_time timestamptz not null default now(),
  expires_time timestamptz not null,
  used_time timestamptz
);

-- One row is one execution, and the API's job.
create table processes (
  id uuid primary key,
  job_id bigint generated always as identity unique,
  key text not null unique,
  kind text not null check (kind in ('service', 'job')),
  tag text not null,
  content_guid uuid references content (guid) on delete cascade,
  content_id bigint,
  bundle_id bigint,
  node_id uuid not null references nodes (id),
  work jsonb not null,                         -- the work of berth.agent.v1.ProcessSpec as proto JSON, without env
  env jsonb not null default '{}',             -- not secret; kept so that the spec is a function of the row alone
  stop_grace_ms int not null,
  kill_grace_ms int not null,
  run_as text not null,
  fence bigint not null default nextval('fence_seq'),
  traceparent text,
  requested_by uuid,
  -- intent:
  intent text not null default 'run' check (intent in ('run', 'drain', 'stop')),
  stop_reason text,
  -- observation:
  phase text not null default 'assigned' check (phase in ('assigned', 'preparing', 'starting', 'ready', 'refused', 'exited', 'lost')),
  last_seq int not null default 0,
  finalized boolean not null default false,
  host_pid int, host_ppid int,
  socket_path text,
  journey jsonb not null default '[]',
  exit_code int, exit_signal int, exit_reason text, failing_step text, message text,
  hostname text,
  created_time timestamptz not null default now(),   -- queued
  start_time timestamptz,
  ready_time timestamptz,
  end_time timestamptz,
  last_heartbeat_time timestamptz
);
create index processes_content on processes (content_guid, job_id desc);
create index processes_live on processes (node_id) where phase not in ('exited', 'refused');
create index processes_live_content on processes (content_guid) where phase not in ('exited', 'refused');
create index processes_bundle on processes (bundle_id, job_id desc);

create table api_keys (
  id bigint generated always as identity primary key,
  user_guid uuid not null references users (guid) on delete cascade,
  name text not null,
  key_sha256 bytea not null unique,
  key_hint text not null default '',           -- last characters, for people
  process_id uuid references processes (id) on delete cascade,   -- a process's own key: ends with it
  created_time timestamptz not null default now(),
  last_used_time timestamptz
);

create table process_events (
  process_id uuid not null references processes (id) on delete cascade,
  seq int not null,
  event jsonb not null,                        -- berth.agent.v1.LifecycleEvent as proto JSON
  received_time timestamptz not null default now(),
  primary key (process_id, seq)
);

create table process_log_chunks (
  process_id uuid not null references processes (id) on delete cascade,
  stream text not null check (stream in ('stdout', 'stderr')),
  start_offset bigint not null,
  data bytea,                                  -- null = a gap of gap_bytes
  gap_bytes bigint not null default 0,
  at timestamptz not null,
  primary key (process_id, stream, start_offset)
);

create table audit (
  id bigint generated always as identity primary key,
  time timestamptz not null default now(),
  user_guid uuid,
  user_description text not null,
  action text not null,
  event_description text not null,
  detail jsonb not null default '{}'
);

create table server_facts (                    -- small facts of the whole installation
  name text primary key,
  value text not null
);
