import { chmod, lchown, lstat, rename, unlink } from 'node:fs/promises'
import { DONE, failed, need, type Step } from './step.js'

/**
 * Makes the socket the gateway's (decision 14): the hard link that wait-ready made in our own directory is given to root and the
 * gateway's group, checked again, and gets its name. From then on only the gateway can connect, the content cannot put anything else in
 * its place, and the content's own name for it stays where its framework looks for it.
 */
export function claimSocket(gatewayGid: number): Step {
  return {
    name: 'claim-socket',
    async start(run) {
      if (run.spec.work?.$case !== 'serve') return DONE
      const { claiming, claimed } = run.paths
      const before = await lstat(claiming)
      if (!before.isSocket()) return failed('what it made is not a socket')
      const { uid } = need(run, 'user')
      if (before.uid !== uid && before.uid !== 0) return failed('its socket belongs to another account')
      await lchown(claiming, 0, gatewayGid)
      // chmod follows links; this is a socket in a directory that only root writes to.
      await chmod(claiming, 0o660)
      const after = await lstat(claiming)
      if (!after.isSocket() || after.ino !== before.ino || after.dev !== before.dev || after.uid !== 0) {
        return failed('its socket changed while it was claimed')
      }
      await rename(claiming, claimed)
      return DONE
    },
    async undo(run) {
      const absent = (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      }
      await Promise.all([unlink(run.paths.claimed).catch(absent), unlink(run.paths.claiming).catch(absent)])
    },
  }
}
