import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { errorChain } from '@berth/domain/app-error.js'
import { DONE, failed, type Step } from './step.js'

/** Opens a path of the control plane's file server over mutual TLS. */
export type Download = (path: string, signal: AbortSignal) => Promise<IncomingMessage>

/** The archive of an unpacking process in stateDir/archives, hashed while it comes and exactly as long as announced. */
export function fetchBundle(download: Download): Step {
  return {
    name: 'fetch-bundle',
    async start(run, signal) {
      if (run.spec.work?.$case !== 'unpack') return DONE
      const { archiveSha256, archiveBytes } = run.spec.work.value
      await mkdir(dirname(run.paths.archive), { recursive: true, mode: 0o700 })
      try {
        const response = await download(`/artifacts/bundles/${archiveSha256}`, signal)
        if (response.statusCode !== 200) {
          response.resume()
          return failed(`the control plane answered ${response.statusCode} when asked for the bundle's archive`)
        }
        const hash = createHash('sha256')
        let bytes = 0n
        const check = new Transform({
          transform(piece: Buffer, _encoding, done) {
            bytes += BigInt(piece.length)
            hash.update(piece)
            if (bytes > archiveBytes) done(new Error(`more than the ${archiveBytes} bytes that were announced`))
            else done(null, piece)
          },
        })
        await pipeline(response, check, createWriteStream(run.paths.archive, { mode: 0o600 }), { signal })
        if (bytes !== archiveBytes) return failed(`the bundle's archive ended after ${bytes} of ${archiveBytes} bytes`)
        if (hash.digest('hex') !== archiveSha256)
          return failed("the bundle's archive is not what was uploaded: its SHA-256 differs")
        return DONE
      } catch (error) {
        return failed(`the bundle's archive could not be fetched: ${errorChain(error)}`)
      }
    },
    async undo(run) {
      await rm(run.paths.archive, { force: true })
    },
  }
}
