import { assert } from '@berth/domain/assert.js'
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import type { ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import type { SandboxPlan } from '@berth/sandbox-plan/plan.js'
import type { MonitorLink } from '../host/monitor-link.js'
import type { Journey } from '../supervisor/journey.js'
import type { RunDir } from '../supervisor/run-dir.js'
import type { RunPaths } from '../supervisor/run-paths.js'

export type StepName =
  | 'resolve-identity'
  | 'fetch-secrets'
  | 'fetch-bundle'
  | 'prepare-dirs'
  | 'build-plan'
  | 'launch'
  | 'wait-ready'
  | 'claim-socket'
  | 'seal-output'
  | 'publish-environment'

export type StepOutcome =
  | { readonly kind: 'done' }
  /** The agent will not run it; only before the launch. */
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }
  /** message: for people. `init_timeout` = it runs and has to be stopped. */
  | { readonly kind: 'failed'; readonly reason: 'setup' | 'init_timeout'; readonly message: string }

export const DONE: StepOutcome = { kind: 'done' }

export function failed(message: string, reason: 'setup' | 'init_timeout' = 'setup'): StepOutcome {
  return { kind: 'failed', reason, message }
}

/** One process on its way. What steps find out is in `found`; a step that needs something runs after the one that finds it. */
export interface RunContext {
  readonly spec: ProcessSpec
  readonly dir: RunDir
  readonly paths: RunPaths
  readonly journey: Journey
  readonly found: Found
}

export interface Found {
  user?: UnixUser
  /** Kept in memory only, until the launch. */
  secrets?: Readonly<Record<string, string>>
  plan?: SandboxPlan
  monitor?: MonitorLink
}

/** One thing that must be true before a process can run (or be reported as ended), and how to undo it. Both may run twice. */
export interface Step {
  /** Also the journey entry and the span name. */
  readonly name: StepName
  /** May run again after a restart of the agent. Throws for what nobody expected; that fails the step too. */
  start(run: RunContext, signal: AbortSignal): Promise<StepOutcome>
  /** May run although start never did. */
  undo(run: RunContext): Promise<void>
}

export function need<K extends keyof Found>(run: RunContext, what: K): NonNullable<Found[K]> {
  const value = run.found[what]
  assert(value !== undefined, `an earlier step finds out "${what}"`)
  return value as NonNullable<Found[K]>
}

export async function nothingToUndo(): Promise<void> {}
