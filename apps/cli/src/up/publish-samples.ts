// Publishes a sample of each type through the REST API, as any client would. What is there already is left alone.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@berth/domain/app-error.js'
import { SAMPLE_TIMEOUT_MS } from '../limits.js'
import type { ApiClient } from './api-client.js'

export interface PublishedSample {
  readonly name: string
  readonly url: string
}

const TITLES: Readonly<Record<string, string>> = {
  flask: 'Sample: a Flask API',
  shiny: 'Sample: a Shiny application',
  static: 'Sample: a static page',
}

interface Content {
  readonly guid: string
  readonly content_url: string
  readonly bundle_id: string | null
}

interface Task {
  readonly output: readonly string[]
  readonly last: number
  readonly finished: boolean
  readonly code: number
  readonly error: string
}

export function sampleNames(samplesDir: string): string[] {
  return readdirSync(samplesDir).sort()
}

/** onLine: progress of the deployment. */
export async function publishSample(
  client: ApiClient,
  samplesDir: string,
  sample: string,
  onLine: (line: string) => void,
): Promise<PublishedSample> {
  const name = `sample-${sample}`
  const [existing] = await client.call<Content[]>('GET', `/v1/content?name=${name}`)
  if (existing !== undefined && existing.bundle_id !== null) return { name, url: existing.content_url }
  const content = existing ?? (await client.call<Content>('POST', '/v1/content', { name, title: TITLES[sample] ?? name }))
  await client.call('PATCH', `/v1/content/${content.guid}`, { access_type: 'logged_in' })
  const archive = execFileSync('tar', ['--create', '--gzip', '--file=-', '--directory', join(samplesDir, sample), '.'])
  const bundle = await client.call<{ id: string }>('POST', `/v1/content/${content.guid}/bundles`, archive)
  const { task_id } = await client.call<{ task_id: string }>('POST', `/v1/content/${content.guid}/deploy`, {
    bundle_id: bundle.id,
  })
  await followTask(client, task_id, onLine)
  return { name, url: content.content_url }
}

async function followTask(client: ApiClient, taskId: string, onLine: (line: string) => void): Promise<void> {
  const deadline = Date.now() + SAMPLE_TIMEOUT_MS
  let first = 0
  for (;;) {
    const task = await client.call<Task>('GET', `/v1/tasks/${taskId}?first=${first}&wait=5`)
    for (const line of task.output) onLine(line)
    first = task.last
    if (task.finished && task.code !== 0) throw new AppError('internal', task.error)
    if (task.finished) return
    if (Date.now() > deadline) throw new AppError('unavailable', `the deployment takes longer than ${SAMPLE_TIMEOUT_MS / 1000} s`)
  }
}
