import { readFileSync } from 'node:fs'

/** Changes with every start of the kernel. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** Milliseconds since the kernel started, suspend included as far as /proc/uptime counts it. */
export function readBoottimeMs(): bigint {
  const seconds = readFileSync('/proc/uptime', 'utf8').split(' ')[0] ?? '0'
  return BigInt(Math.round(Number(seconds) * 1000))
}
