// Owns: the decision what one process's sandbox looks like. Pure: facts in, plan or refusal out.
// Promises: the same spec and facts give the same plan; a plan never names root, and every path in it is absolute and normal.
// Leaves to others: finding facts, making directories and cgroups (the agent), doing it (the launcher).
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import { LOG_BYTES_MAX, OOM_SCORE_ADJ } from './limits.js'
import type { SandboxPlan } from './plan.js'
import { type Command, planCommand } from './plan-command.js'
import { planEnv } from './plan-env.js'
import { planHome } from './plan-home.js'
import { planLimits } from './plan-limits.js'
import { maskOver, planMasks } from './plan-masks.js'
import { planMounts } from './plan-mounts.js'
import { type Refused, refuse } from './refusal.js'
import { isNormalPath, isWithin, MNT } from './sandbox-paths.js'
import type { SandboxFacts, SandboxSpec } from './sandbox-spec.js'

export type SandboxDecision = { readonly kind: 'plan'; readonly plan: SandboxPlan } | Refused

const NUMBER = /^[1-9][0-9]{0,18}$/
const PROCESS_ID = /^[0-9A-Za-z_-]{1,64}$/

/** Source; decisions 13, 14, 17. */
export function planSandbox(spec: SandboxSpec, facts: SandboxFacts): SandboxDecision {
  const refusal = checkAccount(spec.user) ?? checkSpec(spec, facts) ?? checkPaths(spec, facts)
  if (refusal !== undefined) return refusal
  const command = planCommand(spec, facts)
  if (command.kind === 'refuse') return command
  const args = [...spec.supervisor, ...command.args]
  const hidden = checkVisible(spec, facts, command)
  if (hidden !== undefined) return hidden
  const home = planHome(spec, facts)
  const plan: SandboxPlan = {
    id: spec.processId,
    runDir: facts.processDir,
    uid: spec.user.uid,
    gid: spec.user.gid,
    groups: [...new Set([spec.user.gid, ...spec.user.gids])],
    cgroups: facts.cgroups,
    mounts: planMounts(spec, facts, home),
    workdir: command.workdir,
    env: planEnv(spec, home.home, command.interpreter),
    secretEnv: spec.hasSecretEnv,
    stdin: command.stdin,
    args,
    logBytesMax: LOG_BYTES_MAX,
    // What is installed is for every account to read; everything else is the account's own.
    umask: spec.work.kind === 'restore-python' ? 0o022 : 0o077,
    limits: planLimits(),
    oomScoreAdj: OOM_SCORE_ADJ,
  }
  return { kind: 'plan', plan }
}

function checkAccount(user: UnixUser): Refused | undefined {
  // The last line: whoever resolved the account has refused root before.
  if (user.uid > 0 && user.gid > 0 && !user.gids.includes(0)) return undefined
  return refuse('root', `"${user.name}" is root or in root's group: content never runs as root`)
}

function checkSpec(spec: SandboxSpec, facts: SandboxFacts): Refused | undefined {
  if (!PROCESS_ID.test(spec.processId)) return refuse('bad_value', `"${spec.processId}" is not a process id`)
  if (spec.work.kind !== 'restore-python' && (spec.content === null || facts.appDir === null)) {
    return refuse('no_content', `work "${spec.work.kind}" needs a content and its directory`)
  }
  if (spec.content !== null && (!NUMBER.test(spec.content.contentId) || !NUMBER.test(spec.content.bundleId))) {
    return refuse('bad_value', `content "${spec.content.contentId}" and bundle "${spec.content.bundleId}" must be numbers`)
  }
  const words = [...spec.supervisor, ...Object.entries(spec.env).flat()]
  if (words.some((word) => word.includes('\0')))
    return refuse('bad_value', 'a variable or a word of the supervisor holds a NUL byte')
  const badName = Object.keys(spec.env).find((name) => name === '' || name.includes('='))
  return badName === undefined ? undefined : refuse('bad_value', `"${badName}" is not a name for a variable`)
}

function checkPaths(spec: SandboxSpec, facts: SandboxFacts): Refused | undefined {
  const { dirs, workspace } = facts
  const paths = [
    ...[dirs.dataDir, dirs.tempDir, dirs.runDir, dirs.stateDir, dirs.installDir, ...dirs.configDirs],
    ...(dirs.sqliteDir === null ? [] : [dirs.sqliteDir]),
    ...[facts.processDir, facts.socketDir, workspace.tmp, workspace.privateTmp, workspace.privateVarTmp],
    ...(facts.appDir === null ? [] : [facts.appDir]),
    ...facts.cgroups,
    ...facts.presentMasks,
    ...(spec.work.kind === 'unpack' ? [spec.work.archivePath] : []),
    ...(spec.work.kind === 'restore-python' ? [spec.work.requirementsPath, spec.work.stagingDir] : []),
  ]
  const bad = paths.find((path) => !isNormalPath(path))
  if (bad !== undefined) return refuse('bad_path', `"${bad}" is not an absolute path without "." and ".."`)
  const mask = planMasks(facts).find(({ path }) => isWithin(MNT, path) || isWithin(path, MNT) || path === '/')
  return mask === undefined ? undefined : refuse('bad_path', `"${mask.path}" cannot be hidden: it holds or lies in ${MNT}`)
}

/** Whatever is executed must still be there when everything is mounted. */
function checkVisible(spec: SandboxSpec, facts: SandboxFacts, command: Command): Refused | undefined {
  const [supervisor] = spec.supervisor
  if (supervisor !== undefined && !isNormalPath(supervisor)) {
    return refuse('bad_supervisor', `Applications.Supervisor "${supervisor}" must be an absolute path`)
  }
  const used = [
    ...(supervisor === undefined ? [] : [supervisor]),
    ...command.args.slice(0, 2).filter((word) => word.startsWith('/') && !isWithin(word, MNT)),
    ...(command.interpreter.language === null ? [] : [facts.dirs.installDir]),
  ]
  for (const path of used) {
    const hiddenBy =
      maskOver(path, facts) ?? (spec.privateTmp ? ['/tmp', '/var/tmp'].find((tmp) => isWithin(path, tmp)) : undefined)
    if (hiddenBy === undefined) continue
    const reason = path === supervisor ? 'bad_supervisor' : 'bad_path'
    return refuse(reason, `"${path}" cannot be used by content: it lies in ${hiddenBy}, which content does not see`)
  }
  return undefined
}
