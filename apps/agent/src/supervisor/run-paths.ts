import { join } from 'node:path'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'

export interface AgentDirs {
  readonly dataDir: string
  readonly runDir: string
  readonly tempDir: string
  readonly stateDir: string
}

/** Every place on this host that belongs to one process or is given to it. Pure: built from checked numbers and ids only. */
export interface RunPaths {
  readonly socketDir: string
  /** Where content makes its socket. */
  readonly socket: string
  /** The claimed socket, once it is the gateway's. */
  readonly claimed: string
  /** The hard link while it is being looked at. */
  readonly claiming: string
  readonly workspace: { readonly root: string; readonly tmp: string; readonly privateTmp: string; readonly privateVarTmp: string }
  /** DataDir/apps/XX and .../YY; undefined without content. */
  readonly app: { readonly parent: string; readonly dir: string; readonly unpacking: string } | undefined
  readonly archive: string
  readonly requirements: string
  /** Of an environment: built in `leaf`, published as `final`. */
  readonly environment:
    | { readonly staging: string; readonly leaf: string; readonly finalParent: string; readonly final: string }
    | undefined
}

export function planRunPaths(dirs: AgentDirs, spec: ProcessSpec): RunPaths {
  const id = spec.processId
  const socketDir = join(dirs.runDir, 'p', id)
  const workspace = join(workspacesDir(dirs), id)
  const parent = spec.content === undefined ? undefined : join(dirs.dataDir, 'apps', spec.content.contentId.toString())
  const dir = parent === undefined ? undefined : join(parent, spec.content?.bundleId.toString() ?? '')
  return {
    socketDir,
    socket: join(socketDir, 's'),
    claimed: join(claimedDir(dirs), `${id}.sock`),
    claiming: join(claimedDir(dirs), `${id}.new`),
    workspace: {
      root: workspace,
      tmp: join(workspace, 'tmp'),
      privateTmp: join(workspace, 'private-tmp'),
      privateVarTmp: join(workspace, 'private-var-tmp'),
    },
    app: parent === undefined || dir === undefined ? undefined : { parent, dir, unpacking: `${dir}.tmp-${id}` },
    archive: join(dirs.stateDir, 'archives', `${id}.tar.gz`),
    requirements: join(dirs.stateDir, 'runs', id, 'requirements.txt'),
    environment: environmentPaths(dirs, spec),
  }
}

export function claimedDir(dirs: AgentDirs): string {
  return join(dirs.runDir, 'claimed')
}

export function workspacesDir(dirs: AgentDirs): string {
  return join(dirs.tempDir, 'berth-workspaces')
}

export function environmentsDir(dirs: AgentDirs): string {
  return join(dirs.dataDir, 'python-environments')
}

function environmentPaths(dirs: AgentDirs, spec: ProcessSpec): RunPaths['environment'] {
  if (spec.work?.$case !== 'restorePython') return undefined
  const { pythonVersion, environmentHash } = spec.work.value
  const staging = join(environmentsDir(dirs), '.staging', spec.processId)
  const finalParent = join(environmentsDir(dirs), 'pip', pythonVersion)
  return {
    staging,
    leaf: join(staging, 'pip', pythonVersion, environmentHash),
    finalParent,
    final: join(finalParent, environmentHash),
  }
}
