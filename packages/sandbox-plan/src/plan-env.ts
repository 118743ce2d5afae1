import { MNT_TMP } from './sandbox-paths.js'
import type { SandboxSpec } from './sandbox-spec.js'

const PATH_STANDARD = ['/usr/local/bin', '/usr/bin', '/bin']
const NO_SHELL = /\/(nologin|false)$/

/** The names that content cannot set: they say where and as whom it runs. */
export const FIXED_NAMES = [
  'HOME',
  'TMPDIR',
  'USER',
  'LOGNAME',
  'SHELL',
  'PATH',
  'RSTUDIO_PRODUCT',
  'POSIT_PRODUCT',
  'RSTUDIO_CONNECT_HASTE',
  'VIRTUAL_ENV',
] as const

/** Where a chosen interpreter lives, as far as the environment is concerned. */
export interface Interpreter {
  readonly language: 'python' | 'r' | null
  /** Directory of its executables inside the sandbox; goes in front of PATH. */
  readonly binDir: string | null
  /** Python environment as content sees it. */
  readonly virtualEnv: string | null
}

/**
 * The complete non-secret environment: fixed names, what the control plane passes, then defaults that neither of them set.
 * Source, content-types 2.3; nothing of the agent's own environment is in it.
 */
export function planEnv(spec: SandboxSpec, home: string, interpreter: Interpreter): readonly (readonly [string, string])[] {
  const env = new Map<string, string>(fixed(spec, home, interpreter))
  for (const [name, value] of Object.entries(spec.env)) {
    if (!(FIXED_NAMES as readonly string[]).includes(name)) env.set(name, value)
  }
  const secret = new Set(spec.secretNames ?? [])
  for (const [name, value] of defaults(spec, interpreter)) {
    if (!env.has(name) && !secret.has(name)) env.set(name, value)
  }
  return [...env]
}

function fixed(spec: SandboxSpec, home: string, interpreter: Interpreter): [string, string][] {
  const { user } = spec
  const path = [interpreter.binDir, ...PATH_STANDARD].filter((part) => part !== null)
  return [
    ['HOME', home],
    ['TMPDIR', MNT_TMP],
    ['USER', user.name],
    ['LOGNAME', user.name],
    // Programs start commands with it; an account that may not log in still may run them.
    ['SHELL', user.shell === '' || NO_SHELL.test(user.shell) ? '/bin/sh' : user.shell],
    ['PATH', [...new Set(path)].join(':')],
    ['RSTUDIO_PRODUCT', 'CONNECT'],
    ['POSIT_PRODUCT', 'CONNECT'],
    ['RSTUDIO_CONNECT_HASTE', '1'],
    ...(interpreter.virtualEnv === null ? [] : [['VIRTUAL_ENV', interpreter.virtualEnv] as [string, string]]),
  ]
}

function defaults(spec: SandboxSpec, interpreter: Interpreter): [string, string][] {
  const common: [string, string][] = [['LANG', 'C.UTF-8']]
  const { work } = spec
  // Absent while packages are installed: only processes of content have it.
  if (interpreter.language === 'r' && work.kind === 'serve') return [...common, ['R_CONFIG_ACTIVE', spec.rConfigActive]]
  if (interpreter.language !== 'python') return common
  const python: [string, string][] = [...common, ['PYTHONUNBUFFERED', '1'], ['MPLBACKEND', 'Agg']]
  if (work.kind !== 'restore-python') return python
  return [...python, ...pipSettings(work.pip)]
}

function pipSettings(
  pip:
    | { readonly indexUrl: string | null; readonly extraIndexUrls: readonly string[]; readonly wheelDir: string | null }
    | undefined,
): [string, string][] {
  const settings: [string, string][] = [
    // The cache would be the account's, shared by all content of that account and kept for ever.
    ['PIP_NO_CACHE_DIR', '1'],
    ['PIP_DISABLE_PIP_VERSION_CHECK', '1'],
    ['PIP_NO_INPUT', '1'],
    ['PIP_PROGRESS_BAR', 'off'],
  ]
  if (pip?.indexUrl != null) settings.push(['PIP_INDEX_URL', pip.indexUrl])
  if (pip !== undefined && pip.extraIndexUrls.length > 0) settings.push(['PIP_EXTRA_INDEX_URL', pip.extraIndexUrls.join(' ')])
  if (pip?.wheelDir != null) settings.push(['PIP_FIND_LINKS', pip.wheelDir])
  return settings
}
