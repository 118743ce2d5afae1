import { type Interpreter } from './plan-env.js'
import { type Refused, refuse } from './refusal.js'
import { CONTENT_SOCKET, environmentPath, isNormalPath, MNT_APP, MNT_TMP } from './sandbox-paths.js'
import type { SandboxFacts, SandboxSpec, SandboxWork } from './sandbox-spec.js'

export interface Command {
  readonly kind: 'command'
  /** argv without the supervisor; the first word is absolute. */
  readonly args: readonly string[]
  readonly workdir: string
  readonly stdin: string | null
  readonly interpreter: Interpreter
}

const VERSION = /^[0-9]+(\.[0-9]+)*[a-z0-9]*$/
const HASH = /^[0-9a-f]{8,128}$/
/** module, module:object, module:factory() or file.py. */
const ENTRYPOINT = /^[A-Za-z_][A-Za-z0-9_./-]*(:[A-Za-z_][A-Za-z0-9_.]*(\(\))?)?$/
const NO_INTERPRETER: Interpreter = { language: null, binDir: null, virtualEnv: null }

/** What the target is. Source: content-types 2.1, 2.2a; decision 17. */
export function planCommand(spec: SandboxSpec, facts: SandboxFacts): Command | Refused {
  const { work } = spec
  switch (work.kind) {
    case 'serve':
      return work.appMode === 'shiny' ? shiny(facts) : wsgi(work, facts)
    case 'unpack':
      return unpack(work)
    case 'restore-python':
      return restorePython(work, facts)
  }
}

function shiny(facts: SandboxFacts): Command | Refused {
  const r = facts.rExecutable
  if (r === null || !isNormalPath(r)) return refuse('no_interpreter', 'no R on this host can be used by the account')
  const script = `${facts.dirs.installDir}/share/r/serve_shiny.R`
  return {
    kind: 'command',
    args: [r, '--no-save', '--no-restore', '--no-echo', '-f', script, '--args', MNT_APP, CONTENT_SOCKET],
    workdir: MNT_APP,
    stdin: null,
    interpreter: { language: 'r', binDir: directoryOf(r), virtualEnv: null },
  }
}

function wsgi(work: Extract<SandboxWork, { kind: 'serve' }>, facts: SandboxFacts): Command | Refused {
  if (work.entrypoint !== '' && (!ENTRYPOINT.test(work.entrypoint) || work.entrypoint.includes('..'))) {
    return refuse('bad_entrypoint', `the entry point "${work.entrypoint}" is none: write module, module:object or file.py`)
  }
  const python = pythonOf(work.pythonVersion, work.environmentHash, facts)
  if (python.kind === 'refuse') return python
  const start = [python.executable, `${facts.dirs.installDir}/share/python/serve_wsgi.py`]
  const app = work.entrypoint === '' ? [] : ['--app', work.entrypoint]
  return {
    kind: 'command',
    args: [...start, ...app, '--socket', CONTENT_SOCKET],
    workdir: MNT_APP,
    stdin: null,
    interpreter: python.interpreter,
  }
}

/** GNU tar as the account, which sees nothing but its own directory. The archive was checked as a stream when it was stored. */
function unpack(work: Extract<SandboxWork, { kind: 'unpack' }>): Command | Refused {
  if (!Number.isInteger(work.stripComponents) || work.stripComponents < 0 || work.stripComponents > 16) {
    return refuse('bad_value', `cannot strip ${work.stripComponents} components of the archive's names`)
  }
  const safe = ['--no-same-owner', '--no-same-permissions', '--no-acls', '--no-selinux', '--no-xattrs', '--no-overwrite-dir']
  const from = ['--extract', '--gzip', '--file=-', `--directory=${MNT_APP}`, `--strip-components=${work.stripComponents}`]
  return {
    kind: 'command',
    args: ['/usr/bin/tar', ...from, ...safe],
    workdir: MNT_APP,
    stdin: work.archivePath,
    interpreter: NO_INTERPRETER,
  }
}

function restorePython(work: Extract<SandboxWork, { kind: 'restore-python' }>, facts: SandboxFacts): Command | Refused {
  const python = pythonOf(work.pythonVersion, undefined, facts)
  if (python.kind === 'refuse') return python
  if (!VERSION.test(work.pythonVersion) || !HASH.test(work.environmentHash)) {
    return refuse('bad_value', `not a Python environment: "${work.pythonVersion}" / "${work.environmentHash}"`)
  }
  const script = `${facts.dirs.installDir}/share/python/restore_environment.py`
  return {
    kind: 'command',
    args: [python.executable, script, environmentPath(work.pythonVersion, work.environmentHash)],
    workdir: MNT_TMP,
    stdin: work.requirementsPath,
    interpreter: python.interpreter,
  }
}

type Python = { readonly kind: 'python'; readonly executable: string; readonly interpreter: Interpreter }

/** The environment's own Python when there is one; it links to the interpreter that it was built with. */
function pythonOf(version: string | undefined, hash: string | undefined, facts: SandboxFacts): Python | Refused {
  const own = facts.pythonExecutable
  if (own === null || !isNormalPath(own)) return refuse('no_interpreter', 'no Python on this host can be used by the account')
  if (hash === undefined || hash === '') {
    return { kind: 'python', executable: own, interpreter: { language: 'python', binDir: directoryOf(own), virtualEnv: null } }
  }
  if (version === undefined || !VERSION.test(version) || !HASH.test(hash)) {
    return refuse('bad_value', `not a Python environment: "${version ?? ''}" / "${hash}"`)
  }
  const virtualEnv = environmentPath(version, hash)
  const binDir = `${virtualEnv}/bin`
  return { kind: 'python', executable: `${binDir}/python`, interpreter: { language: 'python', binDir, virtualEnv } }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
