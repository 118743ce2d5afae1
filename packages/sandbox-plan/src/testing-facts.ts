// Specs and facts of one imaginary host, for tables and golden plans.
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import type { SandboxFacts, SandboxSpec, SandboxWork } from './sandbox-spec.js'

export const PROCESS_ID = '0190a6f0-0000-7000-8000-000000000001'

export const BERTH_USER: UnixUser = {
  name: 'berth',
  uid: 990,
  gid: 990,
  gids: [990, 1500],
  home: '/var/lib/berth',
  shell: '/usr/sbin/nologin',
}

export const ALICE: UnixUser = { name: 'alice', uid: 1001, gid: 1001, gids: [1001, 990], home: '/home/alice', shell: '/bin/bash' }

export const FLASK: SandboxWork = {
  kind: 'serve',
  appMode: 'python-api',
  entrypoint: 'app:app',
  pythonVersion: '3.11.2',
  environmentHash: '0123456789abcdef0123456789abcdef',
}

export const SHINY: SandboxWork = { kind: 'serve', appMode: 'shiny', entrypoint: '', rVersion: '4.2.2' }

export const UNPACK: SandboxWork = {
  kind: 'unpack',
  archivePath: '/var/lib/berth-agent/archives/aa.tar.gz',
  stripComponents: 1,
}

export const RESTORE: SandboxWork = {
  kind: 'restore-python',
  pythonVersion: '3.11.2',
  environmentHash: '0123456789abcdef0123456789abcdef',
  stagingDir: `/var/lib/berth/python-environments/.staging/${PROCESS_ID}`,
  requirementsPath: `/var/lib/berth-agent/runs/${PROCESS_ID}/requirements.txt`,
  pip: { indexUrl: 'https://packages.example.org/simple', extraIndexUrls: [], wheelDir: null },
}

export function specOf(work: SandboxWork, change: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    processId: PROCESS_ID,
    work,
    content: { guid: '11111111-2222-3333-4444-555555555555', contentId: '7', bundleId: '12' },
    user: BERTH_USER,
    env: { CONNECT_SERVER: 'http://127.0.0.1:3939/', CONNECT_CONTENT_GUID: '11111111-2222-3333-4444-555555555555' },
    hasSecretEnv: false,
    supervisor: [],
    homeMounting: false,
    privateTmp: true,
    rConfigActive: 'rsconnect',
    ...(work.kind === 'restore-python' ? { content: null } : {}),
    ...change,
  }
}

export function factsOf(change: Partial<SandboxFacts> = {}): SandboxFacts {
  return {
    dirs: {
      dataDir: '/var/lib/berth',
      tempDir: '/tmp',
      runDir: '/run/berth',
      stateDir: '/var/lib/berth-agent',
      installDir: '/usr/lib/berth/1',
      configDirs: ['/etc/berth'],
      sqliteDir: null,
    },
    processDir: `/var/lib/berth-agent/runs/${PROCESS_ID}`,
    socketDir: `/run/berth/p/${PROCESS_ID}`,
    appDir: '/var/lib/berth/apps/7/12',
    workspace: {
      tmp: `/tmp/berth-workspaces/${PROCESS_ID}/tmp`,
      privateTmp: `/tmp/berth-workspaces/${PROCESS_ID}/private-tmp`,
      privateVarTmp: `/tmp/berth-workspaces/${PROCESS_ID}/private-var-tmp`,
    },
    pythonExecutable: '/usr/bin/python3',
    rExecutable: '/usr/bin/R',
    presentMasks: ['/run/user', '/run/docker.sock', '/var/spool/cron', '/sys/fs/cgroup'],
    homeExists: true,
    hasMqueue: true,
    cgroups: [`/sys/fs/cgroup/berth/p/${PROCESS_ID}/work`],
    ...change,
  }
}
