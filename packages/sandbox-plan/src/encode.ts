import { PLAN_VERSION, type SandboxPlan } from './plan.js'

/** The plan as the launcher reads it from descriptor 3: `key NUL value NUL …`. Throws on a NUL inside a value. */
export function encodePlan(plan: SandboxPlan): Buffer {
  const fields: [string, string][] = [
    ['version', String(PLAN_VERSION)],
    ['id', plan.id],
    ['run-dir', plan.runDir],
    ['uid', String(plan.uid)],
    ['gid', String(plan.gid)],
    ...plan.groups.map((group): [string, string] => ['group', String(group)]),
    ...plan.cgroups.map((path): [string, string] => ['cgroup', path]),
  ]
  for (const mount of plan.mounts) {
    switch (mount.kind) {
      case 'bind': {
        const flags: string[] = [mount.access, ...mount.flags]
        if (mount.asUser === true) flags.push('as-user')
        if (mount.optional === true) flags.push('optional')
        fields.push(['mount', `bind ${flags.join(',')}`], ['from', mount.from], ['to', mount.to])
        break
      }
      case 'tmpfs': {
        const flags = [...mount.flags, `size=${mount.sizeBytes}`, `mode=${mount.mode.toString(8)}`]
        fields.push(['mount', `tmpfs ${flags.join(',')}`], ['to', mount.to])
        break
      }
      case 'mask':
      case 'mqueue':
        fields.push(['mount', mount.optional === true ? `${mount.kind} optional` : mount.kind], ['to', mount.to])
        break
      case 'proc':
        fields.push(['mount', 'proc'], ['to', mount.to])
        break
    }
  }
  fields.push(['workdir', plan.workdir], ['umask', plan.umask.toString(8)], ['log-bytes-max', String(plan.logBytesMax)])
  fields.push(['oom-score-adj', String(plan.oomScoreAdj)])
  for (const limit of plan.limits) fields.push(['rlimit', `${limit.name} ${limit.soft} ${limit.hard}`])
  if (plan.stdin !== null) fields.push(['stdin', plan.stdin])
  for (const [name, value] of plan.env) fields.push(['env', `${name}=${value}`])
  if (plan.secretEnv) fields.push(['secret-env', '1'])
  for (const word of plan.args) fields.push(['arg', word])
  return encodeFields(fields)
}

/** Secret variables as the launcher reads them from descriptor 5: `NAME NUL VALUE NUL …`. */
export function encodeSecretEnv(variables: Readonly<Record<string, string>>): Buffer {
  return encodeFields(Object.entries(variables))
}

function encodeFields(fields: readonly (readonly [string, string])[]): Buffer {
  for (const [key, value] of fields) {
    if (key.includes('\0') || value.includes('\0')) throw new Error(`value of "${key}" contains a NUL byte`)
  }
  return Buffer.from(fields.map(([key, value]) => `${key}\0${value}\0`).join(''), 'utf8')
}
