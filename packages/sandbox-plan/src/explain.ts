import type { MountOperation, SandboxPlan } from './plan.js'

/** The plan in sentences, for an administrator who asks what a process may see. No values of variables. */
export function explainPlan(plan: SandboxPlan): readonly string[] {
  return [
    `runs as uid ${plan.uid}, gid ${plan.gid}, groups ${plan.groups.join(', ')}, without any capability`,
    ...plan.mounts.map(explainMount),
    `starts in ${plan.workdir}`,
    `reads ${plan.stdin ?? 'nothing'} as standard input`,
    ...plan.limits.map(({ name, soft, hard }) => `limit ${name}: ${soft}, at most ${hard}`),
    `keeps ${plan.logBytesMax} bytes of each output stream`,
    `variables: ${plan.env.map(([name]) => name).join(', ')}${plan.secretEnv ? ' and secret ones' : ''}`,
    `command: ${plan.args.map(quote).join(' ')}`,
  ]
}

function explainMount(mount: MountOperation): string {
  switch (mount.kind) {
    case 'bind':
      return `${mount.access === 'ro' ? 'read-only' : 'writable'} ${mount.to} (on the host ${mount.from})`
    case 'mask':
      return `hidden ${mount.to}`
    case 'tmpfs':
      return `private memory ${mount.to}, at most ${mount.sizeBytes} bytes`
    case 'proc':
      return `own processes only in ${mount.to}`
    case 'mqueue':
      return `own message queues in ${mount.to}`
  }
}

function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
