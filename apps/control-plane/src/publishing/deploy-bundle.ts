// One deployment, from its row to its end. May run twice, at once or after a crash at any point: every step reads what is, and moves it on.
import type { ControlPlaneSettings } from '@berth/config/part-settings.js'
import { normaliseRequirements } from '@berth/domain/deployment/environment-hash.js'
import type { Manifest } from '@berth/domain/manifest/read-manifest.js'
import { readManifest } from '@berth/domain/manifest/read-manifest.js'
import { advanceEnvironment } from '../environments/obtain-environment.js'
import type { ChangeFeed } from '../events.js'
import { DEPLOYMENT_NODE_WAIT_MS, RESTORE_ERROR_LINES_MAX, WAIT_RECHECK_MS } from '../limits.js'
import { readLog } from '../logs/read-log.js'
import { connectedFacts } from '../nodes/node.store.js'
import type { Sql } from '../platform/postgres.js'
import type { ProcessRow } from '../processes/process-row.js'
import type { TasksRoom } from '../tasks/tasks-room.js'
import type { Log, Metrics } from '../telemetry.js'
import { waitForChange } from '../wait-for-change.js'
import { activateBundle } from './activate-bundle.js'
import { chooseRuntime, type Runtime } from './choose-runtime.js'
import { type Deployment, findDeployment } from './deployment.store.js'
import { awaitJob } from './run-job.js'
import { advanceUnpack } from './unpack-bundle.js'

export interface DeployDeps {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly tasks: Pick<TasksRoom, 'appendLines' | 'finish'>
  readonly settings: Pick<ControlPlaneSettings, 'runAs' | 'scheduler'>
  /** Hands the new routes to the gateways before the task says that it is done: clients visit at once. */
  publishRoutes(): Promise<void>
  readonly log: Log
  readonly metrics: Metrics
}

/** Why a deployment ends without success, for the publisher: one line, and more in the task's output. */
class DeploymentFailed extends Error {
  readonly lines: readonly string[]
  constructor(message: string, lines: readonly string[] = []) {
    super(message)
    this.lines = lines
  }
}

/** The content is gone or we are stopping: nobody is told, nothing is decided. */
class DeploymentAbandoned extends Error {}

/** Returns when the deployment is finished or abandoned. Throws when something we depend on is away: the row stays unfinished. */
export async function deployBundle(deps: DeployDeps, deploymentId: string, signal: AbortSignal): Promise<void> {
  const deployment = await findDeployment(deps.sql, deploymentId)
  if (deployment === undefined) return
  if (deployment.state === 'succeeded' || deployment.state === 'failed') {
    // Finished before a crash that kept its task from hearing of it; finishing a finished task changes nothing.
    const end =
      deployment.state === 'succeeded'
        ? ({ kind: 'succeeded' } as const)
        : ({ kind: 'failed', error: 'The deployment failed.' } as const)
    await deps.tasks.finish(deployment.task_id, end)
    return
  }
  const say = (...lines: readonly string[]): Promise<void> => deps.tasks.appendLines(deployment.task_id, lines)
  try {
    const manifest = manifestOf(deployment)
    if (deployment.state === 'running') await say('The server was restarted; the deployment goes on.')
    else {
      await deps.sql`update deployments set state = 'running' where id = ${deployment.id} and state = 'queued'`
      await say(`# Building ${nounOf(manifest)} (bundle ${deployment.bundle_id})`)
    }
    const runtime = await pinRuntime(deps, deployment, manifest, say, signal)
    if (deployment.bundle_state !== 'built') await unpack(deps, deployment, manifest, say, signal)
    await restore(deps, deployment, runtime, say, signal)
    await activate(deps, deployment, manifest, say)
    deps.metrics.deployments.inc({ outcome: 'succeeded' })
  } catch (error) {
    if (error instanceof DeploymentAbandoned) return
    if (!(error instanceof DeploymentFailed)) throw error
    await fail(deps, deployment, error.message, error.lines)
  }
}

/** Ends a deployment that cannot go on. The active bundle goes on serving. */
export async function fail(
  deps: DeployDeps,
  deployment: Deployment,
  message: string,
  lines: readonly string[] = [],
): Promise<void> {
  await deps.tasks.appendLines(deployment.task_id, [...lines, `Deployment failed: ${message}`])
  await deps.sql.begin(async (tx) => {
    await tx`update bundles set state = 'failed' where id = ${deployment.bundle_id} and state = 'stored'`
    await tx`update deployments set state = 'failed', finished_time = now() where id = ${deployment.id}`
    await deps.tasks.finish(deployment.task_id, { kind: 'failed', error: message }, tx)
  })
  deps.feed.ring('task_changed', deployment.task_id)
  deps.metrics.deployments.inc({ outcome: 'failed' })
}

type Say = (...lines: readonly string[]) => Promise<void>

async function pinRuntime(
  deps: DeployDeps,
  deployment: Deployment,
  manifest: Manifest,
  say: Say,
  signal: AbortSignal,
): Promise<Runtime> {
  const hosts = await waitForChange({
    feed: deps.feed,
    channel: 'node_changed',
    id: '',
    recheckMs: WAIT_RECHECK_MS,
    timeoutMs: DEPLOYMENT_NODE_WAIT_MS,
    signal,
    async check() {
      const facts = await connectedFacts(deps.sql)
      return facts.length > 0 ? facts : undefined
    },
  })
  if (hosts.kind === 'aborted') throw new DeploymentAbandoned()
  if (hosts.kind === 'timeout')
    throw new DeploymentFailed('No host is connected that could build the content. Ask an administrator.')
  const choice = chooseRuntime(
    {
      manifest,
      requirements: deployment.requirements,
      managesPython: deployment.manages_python,
      managesR: deployment.manages_r,
      pinned: { python: deployment.python_version, r: deployment.r_version },
    },
    hosts.value,
  )
  if (choice.kind === 'refuse') throw new DeploymentFailed(choice.error, choice.lines)
  const { runtime } = choice
  await deps.sql`
    update bundles set python_version = ${runtime.pythonVersion}, r_version = ${runtime.rVersion}, environment_hash = ${runtime.environmentHash}
    where id = ${deployment.bundle_id}`
  await say(...runtime.lines)
  return runtime
}

async function unpack(
  deps: DeployDeps,
  deployment: Deployment,
  manifest: Manifest,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  await say(`Unpacking bundle ${deployment.bundle_id}`)
  for (;;) {
    const state = await advanceUnpack(deps, deployment, { seal: manifest.appMode === 'static' })
    if (state.kind === 'done') return
    if (state.kind === 'gone') throw new DeploymentAbandoned()
    if (state.kind === 'failed')
      throw new DeploymentFailed(`The bundle could not be unpacked. ${whyEnded(state)}`, await lastLines(deps.sql, state.process))
    await waitForJob(deps, state.processId, signal)
  }
}

async function restore(deps: DeployDeps, deployment: Deployment, runtime: Runtime, say: Say, signal: AbortSignal): Promise<void> {
  if (runtime.environmentHash === null || runtime.pythonVersion === null) return
  const key = {
    hash: runtime.environmentHash,
    pythonVersion: runtime.pythonVersion,
    requirements: `${normaliseRequirements(deployment.requirements ?? '').join('\n')}\n`,
  }
  const ask = { traceparent: deployment.traceparent, requestedBy: deployment.requested_by }
  let built = false
  for (;;) {
    const state = await advanceEnvironment(deps, key, deployment.created_time, ask)
    if (state.kind === 'ready') {
      await say(built ? 'The Python environment is built' : 'The Python environment for these requirements exists already')
      return
    }
    if (state.kind === 'failed') {
      const lines = built ? [] : await lastLines(deps.sql, state.process)
      const last = (await lastLines(deps.sql, state.process)).findLast((line) => line.startsWith('ERROR'))
      throw new DeploymentFailed(`The Python packages could not be installed. ${last ?? whyEnded(state)}`, lines)
    }
    await say(state.mine ? '# Building the Python environment' : '# Waiting for the Python environment, which is being built')
    await waitForJob(deps, state.processId, signal, (lines) => deps.tasks.appendLines(deployment.task_id, lines))
    built = true
  }
}

async function activate(deps: DeployDeps, deployment: Deployment, manifest: Manifest, say: Say): Promise<void> {
  const activated = await activateBundle(deps.sql, deployment, manifest)
  if (activated.kind === 'gone') throw new DeploymentAbandoned()
  deps.feed.ring('routes_changed')
  await deps.publishRoutes()
  if (activated.kind === 'active') await say(`Launching ${nounOf(manifest)}...`, `Bundle ${deployment.bundle_id} is active`)
  else if (activated.kind === 'draft') await say(`Bundle ${deployment.bundle_id} is built as a draft`)
  else await say(`Bundle ${deployment.bundle_id} is built; a later deployment is active already`)
  await deps.tasks.finish(deployment.task_id, { kind: 'succeeded' })
}

async function waitForJob(
  deps: DeployDeps,
  processId: string,
  signal: AbortSignal,
  onLines?: (lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const end = await awaitJob(deps, processId, { signal, ...(onLines === undefined ? {} : { onLines }) })
  if (end.kind === 'aborted' || end.kind === 'gone') throw new DeploymentAbandoned()
  if (end.kind === 'timeout')
    throw new DeploymentFailed('The host has not finished the work in time. Deploy again, or ask an administrator.')
}

function manifestOf(deployment: Deployment): Manifest {
  const reading = readManifest(deployment.manifest)
  if (reading.kind === 'refuse') throw new DeploymentFailed(reading.message)
  return reading.manifest
}

/** As publishing clients know it: some turn these words into progress. */
function nounOf(manifest: Manifest): string {
  if (manifest.appMode === 'static') return 'static content'
  if (manifest.appMode === 'python-api') return 'Flask API'
  return 'Shiny application'
}

function whyEnded(failure: { readonly process: ProcessRow | null; readonly message: string }): string {
  if (failure.message !== '') return failure.message
  const process = failure.process
  if (process === null) return ''
  if (process.intent === 'stop') return 'It was stopped.'
  return process.exit_signal
    ? `It was ended by signal ${process.exit_signal}.`
    : `It ended with exit code ${process.exit_code ?? '?'}.`
}

async function lastLines(sql: Sql, process: ProcessRow | null): Promise<readonly string[]> {
  return process === null ? [] : (await readLog(sql, process.id, RESTORE_ERROR_LINES_MAX)).map((line) => line.data)
}
