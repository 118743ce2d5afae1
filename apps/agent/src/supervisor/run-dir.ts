import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '@berth/domain/assert.js'
import { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { EVENTS_PER_PROCESS_MAX } from '../limits.js'

/*
 * The run directory is the log of one process (decision 11).
 *
 * Owns spec.json, events.jsonl and acked.json of stateDir/runs/<process id>/; the monitor owns the rest of it. Promises that a
 * directory that exists means "this start was tried" (mkdir is atomic, I1), that events are numbered densely from 1 and never
 * change, and that what is acknowledged is remembered. Leaves sending and meaning to others.
 */

const VERSION = 1

/** What of a process is stored at the control plane. Offsets are bytes of the whole log. */
export interface Acknowledged {
  readonly seq: number
  readonly stdout: bigint
  readonly stderr: bigint
  /** Wall clock at which all of it was; 0 = not yet. */
  readonly completeAtMs: number
}

/** Where and when a process was accepted; written once. */
export interface RunRecord {
  readonly spec: ProcessSpec
  readonly bootId: string
  /** Leaves of its cgroups, absolute. */
  readonly cgroups: readonly string[]
}

export type NewEvent = Pick<LifecycleEvent, 'event'> & Partial<Pick<LifecycleEvent, 'inferred' | 'journey'>>
type Happened = NonNullable<LifecycleEvent['event']>
export type EventCase = Happened['$case']
export type EventOf<C extends EventCase> = { [H in Happened as H['$case']]: H['value'] }[C]

const NOTHING_ACKNOWLEDGED: Acknowledged = { seq: 0, stdout: 0n, stderr: 0n, completeAtMs: 0 }

export class RunDir {
  readonly id: string
  readonly path: string
  readonly record: RunRecord
  #events: readonly LifecycleEvent[] = []
  #lastSeq = 0
  #acked = NOTHING_ACKNOWLEDGED
  #ackedWritten = NOTHING_ACKNOWLEDGED
  #writing: Promise<void> | undefined
  #isRemoved = false
  #appending: Promise<unknown> = Promise.resolve()
  #isOfEarlierBoot = false

  private constructor(runsDir: string, record: RunRecord) {
    this.id = record.spec.processId
    this.path = join(runsDir, this.id)
    this.record = record
  }

  /** Makes the directory with its first event on disk; undefined = it exists: the start was already tried. */
  static async create(runsDir: string, record: RunRecord, first: NewEvent): Promise<RunDir | undefined> {
    const dir = new RunDir(runsDir, record)
    try {
      await mkdir(dir.path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
      throw error
    }
    const text = JSON.stringify({
      version: VERSION,
      bootId: record.bootId,
      cgroups: record.cgroups,
      spec: ProcessSpec.toJSON(record.spec),
    })
    // Side by side, so that one commit of the file system's journal takes both, with the directory. Nothing is launched before.
    await Promise.all([writeDurably(join(dir.path, 'spec.json'), text), dir.append(first, 'durable')])
    return dir
  }

  /** bootId: of today. undefined = the host went down before spec.json reached the disk; nothing was started then. */
  static async load(runsDir: string, id: string, bootId: string): Promise<RunDir | undefined> {
    const path = join(runsDir, id)
    const stored = readJson<{ version: number; bootId: string; cgroups: string[]; spec: unknown }>(join(path, 'spec.json'))
    if (stored === undefined) return undefined
    if (stored.version !== VERSION) {
      throw new Error(
        `${path} is of version ${stored.version}, this agent knows version ${VERSION}: install the agent that wrote it, or a newer one`,
      )
    }
    const dir = new RunDir(runsDir, { spec: ProcessSpec.fromJSON(stored.spec), bootId: stored.bootId, cgroups: stored.cgroups })
    dir.#isOfEarlierBoot = stored.bootId !== bootId
    await dir.#loadEvents()
    const acked = readJson<{ seq: number; stdout: string; stderr: string; completeAtMs: number }>(join(path, 'acked.json'))
    if (acked !== undefined) {
      dir.#acked = {
        seq: acked.seq,
        stdout: BigInt(acked.stdout),
        stderr: BigInt(acked.stderr),
        completeAtMs: acked.completeAtMs,
      }
      dir.#ackedWritten = dir.#acked
      dir.#lastSeq = Math.max(dir.#lastSeq, acked.seq)
    }
    return dir
  }

  static async discard(runsDir: string, id: string): Promise<void> {
    await rm(join(runsDir, id), { recursive: true, force: true })
  }

  static async list(runsDir: string): Promise<string[]> {
    await mkdir(runsDir, { recursive: true, mode: 0o700 })
    const entries = await readdir(runsDir, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  }

  get spec(): ProcessSpec {
    return this.record.spec
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get acked(): Acknowledged {
    return this.#acked
  }

  /** In order of seq. May lack what a crash of the host took; `raiseTo` skips its numbers. */
  get events(): readonly LifecycleEvent[] {
    return this.#events
  }

  find<C extends EventCase>(kind: C): EventOf<C> | undefined {
    const found = this.#events.find(({ event }) => event?.$case === kind)
    return found?.event?.value as EventOf<C> | undefined
  }

  /**
   * Numbers and writes an event; it is visible to the sender only afterwards. `durable` = on disk, for what must outlive the host:
   * that a start was tried, and how it ended. The others live in the page cache, which outlives us; if the host goes down
   * with them, the process is gone too and the end says `reboot`.
   */
  append(happened: NewEvent, durability: 'durable' | 'cached'): Promise<LifecycleEvent> {
    const appended = this.#appending.then(async () => {
      assert(this.#events.length < EVENTS_PER_PROCESS_MAX, 'a process has about ten events')
      const event: LifecycleEvent = {
        processId: this.id,
        seq: this.#lastSeq + 1,
        atMs: BigInt(Date.now()),
        inferred: happened.inferred ?? false,
        journey: happened.journey ?? [],
        event: happened.event,
      }
      const file = join(this.path, 'events.jsonl')
      const descriptor = openSync(file, 'a', 0o600)
      try {
        writeSync(descriptor, `${JSON.stringify(LifecycleEvent.toJSON(event))}\n`)
      } finally {
        closeSync(descriptor)
      }
      if (durability === 'durable') await syncFile(file)
      this.#lastSeq = event.seq
      this.#events = [...this.#events, event]
      return event
    })
    this.#appending = appended.catch(() => undefined)
    return appended
  }

  /**
   * The control plane has numbers up to seq: a crash of the host took some of them from us, or only the acknowledgement was lost. New
   * events go on after them. An end that was written after such a crash may have got a number that was in use: it gets a new one, or
   * it would pass for stored and nobody would hear of it. Heard twice, it changes nothing.
   */
  raiseTo(seq: number): Promise<void> {
    const raised = this.#appending.then(async () => {
      const from = this.#isOfEarlierBoot ? this.#events.findIndex(({ event }) => event?.$case === 'exited') : -1
      const end = this.#events[from]
      if (end !== undefined && end.seq <= seq && this.#acked.seq < end.seq) await this.#renumber(from, seq + 1)
      this.#lastSeq = Math.max(this.#lastSeq, seq)
      this.acknowledge({ seq })
    })
    this.#appending = raised.catch(() => undefined)
    return raised
  }

  async #renumber(from: number, firstSeq: number): Promise<void> {
    const events = this.#events.map((event, index) => (index < from ? event : { ...event, seq: firstSeq + index - from }))
    const file = join(this.path, 'events.jsonl')
    await writeDurably(`${file}.new`, events.map((event) => `${JSON.stringify(LifecycleEvent.toJSON(event))}\n`).join(''))
    await rename(`${file}.new`, file)
    this.#events = events
    this.#lastSeq = events.at(-1)?.seq ?? this.#lastSeq
  }

  acknowledge(some: { seq?: number; stdout?: bigint; stderr?: bigint; completeAtMs?: number }): void {
    const before = this.#acked
    this.#acked = {
      seq: Math.max(before.seq, some.seq ?? 0),
      stdout: later(before.stdout, some.stdout),
      stderr: later(before.stderr, some.stderr),
      completeAtMs: some.completeAtMs ?? before.completeAtMs,
    }
  }

  /** The control plane lost what it had acknowledged: it is to be sent again from here. */
  takeBack(seq: number): void {
    this.#acked = { ...this.#acked, seq: Math.min(this.#acked.seq, seq), completeAtMs: 0 }
  }

  /** One writer at a time; who comes meanwhile waits and finds it written. Not fsynced: what is lost with the host is sent again. */
  async writeAcked(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined)
    if (this.#acked === this.#ackedWritten || this.#isRemoved) return
    this.#writing = this.#writeAcked(this.#acked)
    try {
      await this.#writing
    } finally {
      this.#writing = undefined
    }
  }

  async #writeAcked(now: Acknowledged): Promise<void> {
    const beside = join(this.path, 'acked.json.new')
    await writeFile(beside, JSON.stringify({ ...now, stdout: now.stdout.toString(), stderr: now.stderr.toString() }), {
      mode: 0o600,
    })
    await rename(beside, join(this.path, 'acked.json'))
    this.#ackedWritten = now
  }

  async ageMs(nowMs: number): Promise<number> {
    return nowMs - (await stat(join(this.path, 'events.jsonl'))).mtimeMs
  }

  async remove(): Promise<void> {
    this.#isRemoved = true
    await this.#writing?.catch(() => undefined)
    await rm(this.path, { recursive: true, force: true })
  }

  async #loadEvents(): Promise<void> {
    const file = join(this.path, 'events.jsonl')
    const text = readText(file) ?? ''
    const events: LifecycleEvent[] = []
    let length = 0
    for (const line of text.split('\n')) {
      if (line === '') break
      const event = parseEvent(line)
      if (event === undefined) break // the tail of a write that the host did not survive
      events.push(event)
      length += Buffer.byteLength(line) + 1
    }
    if (length < Buffer.byteLength(text)) await truncate(file, length)
    this.#events = events
    this.#lastSeq = events.at(-1)?.seq ?? 0
  }
}

function parseEvent(line: string): LifecycleEvent | undefined {
  try {
    return LifecycleEvent.fromJSON(JSON.parse(line))
  } catch {
    return undefined
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** undefined also for a file whose content did not reach the disk before the host went down. */
function readJson<T>(file: string): T | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function later(before: bigint, now: bigint | undefined): bigint {
  return now !== undefined && now > before ? now : before
}
