import { errorChain } from '@berth/domain/app-error.js'
import type { Context } from '@opentelemetry/api'
import type { AgentEvents } from '../events.js'
import { failed, type RunContext, type Step, type StepName, type StepOutcome } from '../steps/step.js'
import { withSpan } from '../telemetry.js'

/** Steps of one group run side by side; a group begins when the one before is done. */
export type StepGroups = readonly (readonly Step[])[]

export type Walked =
  | { readonly kind: 'done' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'stopped_at'; readonly step: StepName; readonly outcome: Exclude<StepOutcome, { kind: 'done' }> }

/** Up to the first failure or refusal; the rest of its group is waited for, so that nothing goes on behind an undo. */
export async function walkSteps(
  groups: StepGroups,
  run: RunContext,
  signal: AbortSignal,
  trace: Context,
  events: AgentEvents,
): Promise<Walked> {
  for (const group of groups) {
    if (signal.aborted) return { kind: 'aborted' }
    const outcomes = await Promise.all(group.map((step) => runStep(step, run, signal, trace, events)))
    const at = outcomes.findIndex((outcome) => outcome.kind !== 'done')
    const outcome = outcomes[at]
    const step = group[at]
    if (outcome !== undefined && outcome.kind !== 'done' && step !== undefined) {
      return signal.aborted ? { kind: 'aborted' } : { kind: 'stopped_at', step: step.name, outcome }
    }
  }
  return signal.aborted ? { kind: 'aborted' } : { kind: 'done' }
}

/** Every step, in reverse; errors are collected and reported, none stops the others. */
export async function undoSteps(steps: readonly Step[], run: RunContext, events: AgentEvents): Promise<boolean> {
  let clean = true
  for (const step of [...steps].reverse()) {
    try {
      await step.undo(run)
    } catch (error) {
      clean = false
      events.failed(`${step.name} could not be undone`, error, { process: run.spec.processId })
    }
  }
  return clean
}

async function runStep(
  step: Step,
  run: RunContext,
  signal: AbortSignal,
  trace: Context,
  events: AgentEvents,
): Promise<StepOutcome> {
  const end = run.journey.begin(step.name)
  const outcome = await withSpan(step.name, trace, run.spec.processId, async () => {
    try {
      return await step.start(run, signal)
    } catch (error) {
      events.failed(`step ${step.name} broke`, error, { process: run.spec.processId })
      return failed(errorChain(error))
    }
  })
  if (outcome.kind === 'done') {
    end()
  } else {
    end(outcome.message)
    events.stepFailed(run.spec.processId, { step: step.name, message: outcome.message })
  }
  return outcome
}
