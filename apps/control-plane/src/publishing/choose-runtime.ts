import { checkRPackages, describeLackingRPackage } from '@berth/domain/content/check-r-packages.js'
import { chooseInterpreter } from '@berth/domain/content/choose-interpreter.js'
import { environmentHash } from '@berth/domain/deployment/environment-hash.js'
import type { Manifest } from '@berth/domain/manifest/read-manifest.js'
import type { HostFacts } from '@berth/protocol/gen/berth/agent/v1/session.js'

export interface RuntimeAsk {
  readonly manifest: Manifest
  readonly requirements: string | null
  /** Content's own switches; null = as the manifest says. */
  readonly managesPython: boolean | null
  readonly managesR: boolean | null
  /** Pinned at an earlier deployment of this bundle. */
  readonly pinned: { readonly python: string | null; readonly r: string | null }
}

export interface Runtime {
  readonly pythonVersion: string | null
  readonly rVersion: string | null
  readonly environmentHash: string | null
  /** For the publisher. */
  readonly lines: readonly string[]
}

export type RuntimeChoice =
  | { readonly kind: 'runtime'; readonly runtime: Runtime }
  | { readonly kind: 'refuse'; readonly lines: readonly string[]; readonly error: string }

/** What a bundle will run on, among what the hosts have. Pure. Source: publisher-api 4.4, 4.5. */
export function chooseRuntime(ask: RuntimeAsk, hosts: readonly HostFacts[]): RuntimeChoice {
  const { manifest } = ask
  if (manifest.appMode === 'static') {
    return { kind: 'runtime', runtime: { pythonVersion: null, rVersion: null, environmentHash: null, lines: [] } }
  }
  if (manifest.appMode === 'python-api') return choosePython(ask, hosts)
  if (manifest.appMode === 'shiny') return chooseR(ask, hosts)
  const error = `Content of type ${manifest.appMode} is not supported by this server.`
  return { kind: 'refuse', lines: [error], error }
}

function choosePython(ask: RuntimeAsk, hosts: readonly HostFacts[]): RuntimeChoice {
  const wish = ask.manifest.python
  const installed = hosts.flatMap((host) => host.pythons.map((python) => python.version))
  const choice =
    ask.pinned.python !== null && installed.includes(ask.pinned.python)
      ? ({ kind: 'chosen', version: ask.pinned.python } as const)
      : chooseInterpreter({ language: 'Python', requires: wish?.requires ?? null, version: wish?.version ?? null }, installed)
  if (choice.kind === 'none') return { kind: 'refuse', lines: [choice.message], error: choice.message }
  const managed = (ask.managesPython ?? ask.manifest.environmentManagement.python) && wish?.packageFile !== undefined
  const hash = managed && ask.requirements !== null ? environmentHash(choice.version, ask.requirements) : null
  const made = wish?.version === undefined || wish.version === '' ? '' : ` (the bundle was made with ${wish.version})`
  return {
    kind: 'runtime',
    runtime: {
      pythonVersion: choice.version,
      rVersion: null,
      environmentHash: hash,
      lines: [`Using Python ${choice.version}${made}`, ...(hash === null ? ['No Python packages to install'] : [])],
    },
  }
}

function chooseR(ask: RuntimeAsk, hosts: readonly HostFacts[]): RuntimeChoice {
  const { manifest } = ask
  const installations = hosts.flatMap((host) => host.rs)
  const installed = installations.map((r) => r.version)
  const choice =
    ask.pinned.r !== null && installed.includes(ask.pinned.r)
      ? ({ kind: 'chosen', version: ask.pinned.r } as const)
      : chooseInterpreter({ language: 'R', requires: manifest.rRequires ?? null, version: manifest.platform ?? null }, installed)
  if (choice.kind === 'none') return { kind: 'refuse', lines: [choice.message], error: choice.message }
  const made = manifest.platform === undefined ? '' : ` (the bundle was made with ${manifest.platform})`
  const lines = [`Using R ${choice.version}${made}`]
  const runtime = { pythonVersion: null, rVersion: choice.version, environmentHash: null }
  if (!(ask.managesR ?? manifest.environmentManagement.r)) return { kind: 'runtime', runtime: { ...runtime, lines } }
  const library = new Map(Object.entries(installations.find((r) => r.version === choice.version)?.packages ?? {}))
  const lacking = checkRPackages(manifest.rPackages, library).map(describeLackingRPackage)
  if (lacking.length > 0) {
    const error = `The R library of the host lacks ${lacking.join(', ')}. Ask an administrator to install ${lacking.length === 1 ? 'it' : 'them'}, then deploy again.`
    return { kind: 'refuse', lines: [...lines, ...lacking.map((one) => `R package missing: ${one}`)], error }
  }
  return {
    kind: 'runtime',
    runtime: { ...runtime, lines: [...lines, `${manifest.rPackages.size} R packages are provided by the installed library`] },
  }
}
