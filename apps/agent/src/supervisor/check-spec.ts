import { Intent, type ProcessSpec } from '@berth/protocol/gen/berth/agent/v1/workload.js'
import { SOCKET_PATH_BYTES_MAX, STOP_GRACE_MS_MAX } from '../limits.js'
import type { RunPaths } from './run-paths.js'

export type SpecRefusal = { readonly reason: 'unsupported' | 'invalid'; readonly message: string }

const VERSION = /^\d{1,4}(\.\d{1,4}){1,3}$/
const HASH = /^[A-Za-z0-9_-]{8,128}$/
const SHA256 = /^[0-9a-f]{64}$/
const SERVED_MODES = ['python-api', 'shiny']

/**
 * What this agent will not touch, whatever the control plane says: work it does not know, and words that would lead out of its own
 * directories. undefined = go on. Pure. The account is checked by step resolve-identity.
 */
export function checkSpec(spec: ProcessSpec, paths: RunPaths): SpecRefusal | undefined {
  const invalid = (message: string): SpecRefusal => ({ reason: 'invalid', message })
  const unsupported = (message: string): SpecRefusal => ({ reason: 'unsupported', message })
  if (spec.intent === Intent.UNSPECIFIED || spec.intent === Intent.UNRECOGNIZED)
    return unsupported('this agent does not know what it is to do with it')
  const { stop } = spec
  if (stop !== undefined && (stop.stopGraceMs > STOP_GRACE_MS_MAX || stop.killGraceMs > STOP_GRACE_MS_MAX)) {
    return invalid(`a grace at stop is at most ${STOP_GRACE_MS_MAX} ms`)
  }
  switch (spec.work?.$case) {
    case 'serve': {
      const { appMode, pythonVersion, rVersion, environmentHash } = spec.work.value
      if (!SERVED_MODES.includes(appMode)) return unsupported(`this agent cannot run content of type "${appMode}"`)
      if (spec.content === undefined) return invalid('there is no content to serve')
      if (![pythonVersion, rVersion].every((version) => version === '' || VERSION.test(version)))
        return invalid('a version is digits and dots')
      if (environmentHash !== '' && !HASH.test(environmentHash)) return invalid('an environment is named by a hash')
      if (Buffer.byteLength(paths.claimed) > SOCKET_PATH_BYTES_MAX)
        return invalid(`socket paths have at most ${SOCKET_PATH_BYTES_MAX} bytes: choose a shorter Server.RunDir`)
      return undefined
    }
    case 'unpack':
      if (spec.content === undefined) return invalid('there is no content to unpack')
      if (!SHA256.test(spec.work.value.archiveSha256)) return invalid('an archive is named by its SHA-256')
      return undefined
    case 'restorePython':
      if (!VERSION.test(spec.work.value.pythonVersion)) return invalid('a version is digits and dots')
      if (!HASH.test(spec.work.value.environmentHash)) return invalid('an environment is named by a hash')
      return undefined
    default:
      return unsupported('this agent does not know this kind of work: it is older than the control plane')
  }
}
