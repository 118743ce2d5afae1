import { chown, lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import { makeLeaves, removeLeaves } from '../host/cgroups.js'
import { removeTrees } from '../host/remove-tree.js'
import { runCommand } from '../host/run-command.js'
import { HAND_OVER_MS } from '../limits.js'
import { DONE, failed, need, type RunContext, type Step, type StepOutcome } from './step.js'

/** Names of the accounts that other live processes of this application directory run under. */
export type AccountsUsing = (appDir: string, exceptProcessId: string) => readonly string[]

/**
 * Directories of the process itself (workspace, socket directory, cgroup leaves) and those it works on: the application's, a fresh
 * one to unpack into, or one to build an environment in. Parents are root's, so that nobody can swap what is made below them.
 */
export function prepareDirs(accountsUsing: AccountsUsing): Step {
  return {
    name: 'prepare-dirs',
    async start(run) {
      const user = need(run, 'user')
      const [outcome] = await Promise.all([
        prepareWork(run, user, accountsUsing),
        makeWorkspace(run, user),
        makeOwned(run.paths.socketDir, user),
        makeLeaves(run.dir.record.cgroups),
      ])
      return outcome
    },
    async undo(run) {
      const { workspace, socketDir, app, environment, requirements } = run.paths
      const { tmp, privateTmp, privateVarTmp } = workspace
      const accounts = [tmp, privateTmp, privateVarTmp, socketDir, app?.unpacking, environment?.staging]
      await Promise.all([
        removeTrees(accounts.filter((dir) => dir !== undefined)).then(() => removeTrees([workspace.root])),
        rm(requirements, { force: true }),
        removeLeaves(run.dir.record.cgroups),
      ])
    },
  }
}

async function makeWorkspace(run: RunContext, user: UnixUser): Promise<void> {
  const { root, tmp, privateTmp, privateVarTmp } = run.paths.workspace
  await makeRoots(root, 0o700)
  await Promise.all([tmp, privateTmp, privateVarTmp].map((dir) => makeOwned(dir, user)))
}

async function prepareWork(run: RunContext, user: UnixUser, accountsUsing: AccountsUsing): Promise<StepOutcome> {
  switch (run.spec.work?.$case) {
    case 'serve':
      return handOver(run, user, accountsUsing)
    case 'unpack': {
      const { app } = run.paths
      if (app === undefined) return failed('there is no content to unpack')
      await makeRoots(app.parent, 0o711)
      // Whatever an interrupted try left is not what we unpack into.
      await removeTrees([app.unpacking])
      await makeOwned(app.unpacking, user)
      return DONE
    }
    case 'restorePython': {
      const { environment, requirements } = run.paths
      if (environment === undefined) return failed('there is no environment to build')
      await removeTrees([environment.staging])
      await mkdir(dirname(environment.leaf), { recursive: true, mode: 0o755 })
      await makeOwned(environment.leaf, user, 0o755)
      await writeFile(requirements, run.spec.work.value.requirements, { mode: 0o600 })
      return DONE
    }
    default:
      return DONE
  }
}

/**
 * The application's directory belongs to the account it runs under; after a change of account it is handed over with all its data
 * (R-027, docs/decisions/0004). chown's -h and -P follow no link and --from leaves alone what the old account did not own. It
 * changes the top directory last, so an interrupted hand-over begins again.
 */
async function handOver(run: RunContext, user: UnixUser, accountsUsing: AccountsUsing): Promise<StepOutcome> {
  const dir = run.paths.app?.dir ?? ''
  const found = await lstat(dir).catch(() => undefined)
  if (found === undefined || !found.isDirectory()) {
    return failed("the application's directory is not on this host: deploy the bundle again")
  }
  if (found.uid === user.uid) return DONE
  if (found.uid === 0) return failed("the application's directory is sealed: it belongs to content that is served as files")
  const others = accountsUsing(dir, run.spec.processId).filter((name) => name !== user.name)
  if (others.length > 0) {
    return failed(
      `a process of this content still runs as "${others[0]}": its directory cannot be handed to "${user.name}" before it ends`,
    )
  }
  const outcome = await runCommand('/bin/chown', ['-hRP', `--from=${found.uid}`, `${user.uid}:${user.gid}`, dir], {
    timeoutMs: HAND_OVER_MS,
  })
  if (outcome.code === 0) return DONE
  return failed(`the application's directory could not be handed to "${user.name}": ${outcome.stderr.slice(0, 500)}`)
}

async function makeRoots(dir: string, mode: number): Promise<void> {
  await mkdir(dir, { recursive: true, mode })
}

async function makeOwned(dir: string, user: UnixUser, mode = 0o700): Promise<void> {
  await mkdir(dir, { recursive: true, mode })
  await chown(dir, user.uid, user.gid)
}
