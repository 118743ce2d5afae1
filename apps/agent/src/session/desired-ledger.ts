import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isUuid } from '@berth/domain/ids.js'
import { desiredDigest } from '@berth/protocol/desired-digest.js'
import type { DesiredState } from '@berth/protocol/gen/berth/agent/v1/session.js'
import { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { ENV_NAMES_MAX, NODE_PROCESSES_MAX, SPEC_BYTES_MAX } from '../limits.js'

/*
 * The last desired state this host accepted.
 *
 * Owns ledger.json. Promises that no set older than the one in it, and no other set of the same generation, is ever applied (I3),
 * also after a crash: a set is on disk before it is answered or acted upon. Leaves applying it to the supervisor.
 */

const VERSION = 1

export interface Ledger {
  readonly generation: bigint
  readonly digest: Buffer
  readonly processes: readonly ProcessSpec[]
}

export type LedgerAnswer = { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly reason: LedgerRefusal }

export type LedgerRefusal =
  | 'older_generation'
  | 'other_digest' // of the generation that we have
  | 'wrong_digest' // not that of what was sent
  | 'too_many_processes'
  | 'invalid_process'

const EMPTY: Ledger = { generation: 0n, digest: desiredDigest([]), processes: [] }

/** Pure: may this set follow what the ledger holds? */
export function decideDesired(ledger: Ledger, desired: DesiredState): LedgerAnswer {
  const refused = (reason: LedgerRefusal): LedgerAnswer => ({ kind: 'refused', reason })
  if (desired.generation < ledger.generation) return refused('older_generation')
  if (desired.generation === ledger.generation && !sameBytes(desired.digest, ledger.digest)) return refused('other_digest')
  if (desired.processes.length > NODE_PROCESSES_MAX) return refused('too_many_processes')
  if (
    !desired.processes.every(isAcceptable) ||
    new Set(desired.processes.map((one) => one.processId)).size !== desired.processes.length
  ) {
    return refused('invalid_process')
  }
  if (!sameBytes(desired.digest, desiredDigest(desired.processes))) return refused('wrong_digest')
  return { kind: 'accepted' }
}

export class DesiredLedger {
  readonly #file: string
  #ledger: Ledger = EMPTY

  private constructor(file: string) {
    this.#file = file
  }

  static async open(stateDir: string): Promise<DesiredLedger> {
    const opened = new DesiredLedger(join(stateDir, 'ledger.json'))
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    opened.#ledger = await loadLedger(opened.#file)
    return opened
  }

  get current(): Ledger {
    return this.#ledger
  }

  /** On return of `accepted` the set is on disk. The same set again costs nothing. */
  async accept(desired: DesiredState): Promise<LedgerAnswer> {
    const answer = decideDesired(this.#ledger, desired)
    if (answer.kind === 'refused' || desired.generation === this.#ledger.generation) return answer
    const next: Ledger = { generation: desired.generation, digest: desired.digest, processes: desired.processes }
    await writeLedger(this.#file, next)
    this.#ledger = next
    return answer
  }
}

async function loadLedger(file: string): Promise<Ledger> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
    throw error
  }
  const stored = JSON.parse(text) as { version: number; generation: string; digest: string; processes: unknown[] }
  if (stored.version !== VERSION) {
    throw new Error(
      `${file} is of version ${stored.version}, this agent knows version ${VERSION}: install the agent that wrote it, or a newer one`,
    )
  }
  return {
    generation: BigInt(stored.generation),
    digest: Buffer.from(stored.digest, 'hex'),
    processes: stored.processes.map((one) => ProcessSpec.fromJSON(one)),
  }
}

async function writeLedger(file: string, ledger: Ledger): Promise<void> {
  const text = JSON.stringify({
    version: VERSION,
    generation: ledger.generation.toString(),
    digest: ledger.digest.toString('hex'),
    processes: ledger.processes.map((one) => ProcessSpec.toJSON(one)),
  })
  const beside = `${file}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function isAcceptable(spec: ProcessSpec): boolean {
  return (
    isUuid(spec.processId) &&
    spec.fence > 0n &&
    Object.keys(spec.env).length <= ENV_NAMES_MAX &&
    ProcessSpec.encode(spec).finish().length <= SPEC_BYTES_MAX
  )
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
