import { encodePlan, encodeSecretEnv } from '@berth/sandbox-plan/encode.js'
import { MonitorLink } from '../host/monitor-link.js'
import { LAUNCH_TIMEOUT_MS, PLAN_BYTES_MAX } from '../limits.js'
import { DONE, failed, need, nothingToUndo, type Step } from './step.js'

/** Executes the launcher with the plan and waits until it has executed the target. onLog: something was written. */
export function launch(launcher: string, onLog: (processId: string) => void): Step {
  return {
    name: 'launch',
    async start(run) {
      const plan = encodePlan(need(run, 'plan'))
      if (plan.length > PLAN_BYTES_MAX)
        return failed(
          `the plan has ${plan.length} bytes, at most ${PLAN_BYTES_MAX} are possible: fewer or shorter environment variables`,
        )
      const { secrets } = run.found
      const id = run.spec.processId
      const monitor = MonitorLink.launch(
        { launcher, runDir: run.dir.path, plan, secretEnv: secrets === undefined ? undefined : encodeSecretEnv(secrets) },
        () => onLog(id),
      )
      delete run.found.secrets
      run.found.monitor = monitor
      const outcome = await within(monitor.started, LAUNCH_TIMEOUT_MS)
      if (outcome === undefined)
        return failed(`the sandbox was not ready after ${LAUNCH_TIMEOUT_MS} ms; is a network file system away?`)
      if (outcome.kind === 'started') {
        run.journey.add('launch/mounts', outcome.mountedUs)
        await run.dir.append(
          {
            event: {
              $case: 'started',
              value: {
                hostPid: outcome.target.pid,
                hostPpid: outcome.target.initPid,
                monitorPid: outcome.target.monitorPid,
                uid: need(run, 'user').uid,
                gid: need(run, 'user').gid,
              },
            },
          },
          'cached',
        )
        return DONE
      }
      const record = await monitor.ended
      // A target that was executed and ended at once has started; its record says how it ended.
      if (record !== undefined && record.reason !== 'setup' && record.reason !== 'exec') return DONE
      return failed(record?.message || outcome.how)
    },
    undo: nothingToUndo,
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      promise,
      new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), ms)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}
