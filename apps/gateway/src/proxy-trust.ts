import { BlockList, isIP } from 'node:net'
import { AppError } from '@berth/domain/app-error.js'

/** Addresses whose X-Forwarded-* count (Server.TrustedProxy). */
export class ProxyTrust {
  readonly #list = new BlockList()
  readonly #empty: boolean

  /** @param entries addresses or networks such as `10.0.0.0/8` */
  constructor(entries: readonly string[]) {
    this.#empty = entries.length === 0
    for (const entry of entries) {
      const [address, bits] = entry.split('/', 2) as [string, string | undefined]
      const family = isIP(address)
      if (family === 0) throw new AppError('invalid', `Server.TrustedProxy: "${entry}" is neither an address nor a network`)
      const type = family === 4 ? 'ipv4' : 'ipv6'
      if (bits === undefined) this.#list.addAddress(address, type)
      else this.#list.addSubnet(address, Number(bits), type)
    }
  }

  trusts(address: string): boolean {
    if (this.#empty) return false
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** A dual-stack listener shows IPv4 peers as `::ffff:192.0.2.1`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
