import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LISTENERS_PIDS_MAX } from '../limits.js'

/** Addresses on which any of these processes listens: `127.0.0.1:8050`, `[::]:80` or the path of a Unix socket. For people. */
export async function listenersOf(pids: readonly number[]): Promise<string[]> {
  const found = new Set<string>()
  for (const pid of pids.slice(0, LISTENERS_PIDS_MAX)) {
    const inodes = await socketInodes(pid)
    if (inodes.size === 0) continue
    const net = join('/proc', String(pid), 'net')
    const [tcp, tcp6, unix] = await Promise.all(
      ['tcp', 'tcp6', 'unix'].map((name) => readFile(join(net, name), 'utf8').catch(() => '')),
    )
    for (const one of [...parseTcp(tcp ?? ''), ...parseTcp(tcp6 ?? ''), ...parseUnix(unix ?? '')]) {
      if (inodes.has(one.inode)) found.add(one.address)
    }
  }
  return [...found]
}

interface Listener {
  readonly inode: string
  readonly address: string
}

const TCP_LISTEN = '0A'
/** SO_ACCEPTCON in /proc/net/unix */
const UNIX_ACCEPTS = 0x10000

/** /proc/PID/net/tcp and tcp6 (proc_pid_net(5)): addresses in words of host byte order. */
export function parseTcp(text: string): Listener[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === TCP_LISTEN)
    .map((fields) => ({ inode: fields[9] ?? '', address: readAddress(fields[1] ?? '') }))
}

export function parseUnix(text: string): Listener[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => (Number.parseInt(fields[3] ?? '0', 16) & UNIX_ACCEPTS) !== 0)
    .map((fields) => ({ inode: fields[6] ?? '', address: fields[7] ?? 'a Unix socket without a name' }))
}

function readAddress(text: string): string {
  const [hex = '', port = '0'] = text.split(':')
  const bytes: number[] = []
  for (let word = 0; word < hex.length; word += 8) {
    const pairs = hex.slice(word, word + 8).match(/../g) ?? []
    bytes.push(...pairs.reverse().map((pair) => Number.parseInt(pair, 16)))
  }
  const number = Number.parseInt(port, 16)
  if (bytes.length === 4) return `${bytes.join('.')}:${number}`
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  )
  const full = groups.join(':')
  return `[${full === '0:0:0:0:0:0:0:0' ? '::' : full === '0:0:0:0:0:0:0:1' ? '::1' : full}]:${number}`
}

async function socketInodes(pid: number): Promise<Set<string>> {
  const dir = join('/proc', String(pid), 'fd')
  const names = await readdir(dir).catch(() => [])
  const links = await Promise.all(names.map((name) => readlink(join(dir, name)).catch(() => '')))
  return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter((inode) => inode !== undefined))
}
