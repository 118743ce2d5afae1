import { type AppMode, isAppMode, isSupportedAppMode, SUPPORTED_APP_MODES } from './app-modes.js'

/** What we use of manifest.json; unknown fields are ignored. Source: publisher-api 4.2 to 4.5. */
export interface Manifest {
  readonly appMode: AppMode
  /** module:object or a file; undefined where the client gave none. */
  readonly entrypoint: string | undefined
  readonly primaryHtml: string | undefined
  readonly contentCategory: string
  readonly parameterized: boolean
  /** R version of the client. */
  readonly platform: string | undefined
  readonly python: PythonWish | undefined
  /** Constraint on R beside `platform`, such as ">=4.2". */
  readonly rRequires: string | undefined
  /** R packages by name with the version that the client had. */
  readonly rPackages: ReadonlyMap<string, string>
  readonly environmentManagement: { readonly python: boolean; readonly r: boolean }
}

export interface PythonWish {
  /** Of the client; empty = any. */
  readonly version: string
  /** PEP 440 constraint. */
  readonly requires: string | undefined
  /** Path in the bundle of the package file; undefined = nothing to install. */
  readonly packageFile: string | undefined
}

export type ManifestReading =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'refuse'; readonly apiCode: 38 | 147 | 148; readonly message: string }

/**
 * Reads manifest.json or says what is wrong with it, in a sentence for the publisher.
 * 38: not a manifest; 148: no such app mode; 147: an app mode that this build does not run.
 */
export function readManifest(text: string): ManifestReading {
  const refuse = (apiCode: 38 | 147 | 148, message: string): ManifestReading => ({ kind: 'refuse', apiCode, message })
  let json: unknown
  try {
    json = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch (error) {
    return refuse(38, `manifest.json is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isObject(json)) return refuse(38, 'manifest.json is not a JSON object.')
  if (json.version !== 1) return refuse(38, `manifest.json has version ${describe(json.version)}; this server reads version 1.`)
  const metadata = json.metadata
  if (!isObject(metadata)) return refuse(38, 'manifest.json has no "metadata" object.')
  const mode = metadata.appmode
  if (typeof mode !== 'string' || mode === '')
    return refuse(38, 'manifest.json names no content type: metadata.appmode is missing.')
  if (!isAppMode(mode) || mode === 'unknown') return refuse(148, `manifest.json names an unknown content type: "${mode}".`)
  if (!isSupportedAppMode(mode)) {
    return refuse(147, `This server does not run "${mode}" content yet. It runs: ${SUPPORTED_APP_MODES.join(', ')}.`)
  }
  const python = readPython(json)
  if (python.kind === 'refuse') return refuse(38, python.message)
  if (mode === 'python-api' && python.wish === undefined) {
    return refuse(38, `manifest.json has no "python" object, which "${mode}" content needs.`)
  }
  const environment = object(json.environment)
  const management = object(environment.environment_management)
  return {
    kind: 'manifest',
    manifest: {
      appMode: mode,
      entrypoint: string(metadata.entrypoint),
      primaryHtml: string(metadata.primary_html),
      contentCategory: string(metadata.content_category) ?? '',
      parameterized: metadata.has_parameters === true,
      platform: string(json.platform),
      python: python.wish,
      rRequires: string(object(environment.r).requires),
      rPackages: readPackages(json.packages),
      environmentManagement: { python: management.python !== false, r: management.r !== false },
    },
  }
}

function readPython(json: Json): { kind: 'python'; wish: PythonWish | undefined } | { kind: 'refuse'; message: string } {
  if (!isObject(json.python)) return { kind: 'python', wish: undefined }
  const python = json.python
  const requires = string(object(object(json.environment).python).requires) ?? string(python.requires)
  const packageManager = python.package_manager
  let packageFile: string | undefined
  if (isObject(packageManager) && packageManager.name !== 'none') {
    packageFile = string(packageManager.package_file) ?? 'requirements.txt'
    if (packageFile.startsWith('/') || packageFile.includes('\0') || packageFile.split('/').includes('..')) {
      return { kind: 'refuse', message: 'manifest.json: python.package_manager.package_file must name a file inside the bundle.' }
    }
  }
  return { kind: 'python', wish: { version: string(python.version) ?? '', requires, packageFile } }
}

function readPackages(value: unknown): ReadonlyMap<string, string> {
  const packages = new Map<string, string>()
  if (!isObject(value)) return packages
  for (const [name, entry] of Object.entries(value)) {
    const version = string(object(object(entry).description).Version)
    if (version !== undefined) packages.set(name, version)
  }
  return packages
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function object(value: unknown): Json {
  return isObject(value) ? value : {}
}

/** Clients write null, or R's empty list or object, for "nothing". */
function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function describe(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40)
}
