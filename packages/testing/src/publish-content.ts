import { randomBytes } from 'node:crypto'
import { TASK_TIMEOUT_MS } from './limits.js'
import { makeArchive } from './make-archive.js'
import type { RestClient } from './rest-client.js'

export interface FinishedTask {
  readonly code: number
  readonly error: string
  readonly output: readonly string[]
}

export interface Published {
  readonly guid: string
  /** Numeric id, as a string: XX of `DataDir/apps/XX/YY`. */
  readonly id: string
  readonly url: string
  readonly bundleId: string
  readonly task: FinishedTask
}

export type Files = Readonly<Record<string, string | Uint8Array>>

/** Creates content, uploads a bundle of these files (manifest included) and deploys it; waits until the task is finished. */
export async function publish(
  rest: RestClient,
  files: Files,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Published> {
  const content = await createContent(rest, settings)
  const { bundleId, task } = await deployFiles(rest, content.guid, files)
  if (task.code !== 0) throw new Error(`deploying ${content.guid} failed: ${task.error}\n${task.output.join('\n')}`)
  return { ...content, bundleId, task }
}

export async function createContent(
  rest: RestClient,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ guid: string; id: string; url: string }> {
  const made = await rest.ok('POST', '/v1/content', { name: `test-${randomBytes(6).toString('hex')}`, ...settings })
  return { guid: made.json.guid, id: made.json.id, url: made.json.content_url }
}

/** Uploads and deploys; the task's failure is a result, not an error. */
export async function deployFiles(
  rest: RestClient,
  guid: string,
  files: Files,
  deploy: Readonly<Record<string, unknown>> = {},
): Promise<{ bundleId: string; task: FinishedTask }> {
  const bundle = await rest.ok('POST', `/v1/content/${guid}/bundles`, makeArchive(files))
  const task = await deployBundle(rest, guid, bundle.json.id, deploy)
  return { bundleId: bundle.json.id, task }
}

export async function deployBundle(
  rest: RestClient,
  guid: string,
  bundleId: string,
  deploy: Readonly<Record<string, unknown>> = {},
): Promise<FinishedTask> {
  const started = await rest.ok('POST', `/v1/content/${guid}/deploy`, { bundle_id: bundleId, ...deploy })
  return waitForTask(rest, started.json.task_id)
}

export async function waitForTask(rest: RestClient, taskId: string): Promise<FinishedTask> {
  const deadline = Date.now() + TASK_TIMEOUT_MS
  const output: string[] = []
  for (let first = 0; ; ) {
    const { json } = await rest.ok('GET', `/v1/tasks/${taskId}?first=${first}&wait=5`)
    output.push(...json.output)
    first = json.last
    if (json.finished) return { code: json.code, error: json.error, output }
    if (Date.now() > deadline) throw new Error(`task ${taskId} did not finish; it said:\n${output.join('\n')}`)
  }
}
