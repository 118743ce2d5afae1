import { AppError } from '@berth/domain/app-error.js'
import { type Manifest, readManifest } from '@berth/domain/manifest/read-manifest.js'

/** What the content's earlier bundles settled; undefined before the first one was activated. */
export interface SettledKind {
  readonly appMode: string
  readonly contentCategory: string
  readonly parameterized: boolean
}

/** Reads the manifest of an upload and compares it with what the content is already. Fails with 38, 147, 148; 48, 110, 111. */
export function judgeManifest(text: string | undefined, settled: SettledKind | undefined): { manifest: Manifest; json: unknown } {
  if (text === undefined) {
    throw new AppError('invalid', 'The bundle has no manifest.json at its root.', { apiCode: 38 })
  }
  const reading = readManifest(text)
  if (reading.kind === 'refuse') throw new AppError('invalid', reading.message, { apiCode: reading.apiCode })
  const json: unknown = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  // Well-formed text has no such escapes after stringify, and a database's text cannot hold them.
  if (/\\u(0000|d[89a-f][0-9a-f]{2})/.test(JSON.stringify(json))) {
    throw new AppError('invalid', 'manifest.json has characters that are no text (NUL or half a surrogate pair).', {
      apiCode: 38,
    })
  }
  const { manifest } = reading
  if (settled !== undefined) {
    const refuse = (apiCode: number, what: string, was: string, is: string): AppError =>
      new AppError(
        'forbidden',
        `The ${what} of content cannot change: it is "${was}", the bundle says "${is}". Publish it as new content.`,
        { apiCode },
      )
    if (settled.appMode !== manifest.appMode) throw refuse(48, 'type', settled.appMode, manifest.appMode)
    if (settled.contentCategory !== manifest.contentCategory) {
      throw refuse(110, 'category', settled.contentCategory, manifest.contentCategory)
    }
    if (settled.parameterized !== manifest.parameterized) {
      throw refuse(111, 'parameterization', String(settled.parameterized), String(manifest.parameterized))
    }
  }
  return { manifest, json }
}
