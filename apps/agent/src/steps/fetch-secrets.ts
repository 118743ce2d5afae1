import { DONE, failed, nothingToUndo, type Step } from './step.js'

export type FetchSecrets = (processId: string, fence: bigint, signal: AbortSignal) => Promise<Readonly<Record<string, string>>>

/** Secret variables of a serving process, in memory until the launcher has read them; never on disk (decision 19). */
export function fetchSecrets(fetch: FetchSecrets): Step {
  return {
    name: 'fetch-secrets',
    async start(run, signal) {
      if (run.spec.work?.$case !== 'serve') return DONE
      try {
        const secrets = await fetch(run.spec.processId, run.spec.fence, signal)
        if (Object.keys(secrets).length > 0) run.found.secrets = secrets
        return DONE
      } catch (error) {
        return failed(
          `the control plane did not hand out the content's secrets: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    },
    undo: nothingToUndo,
  }
}
