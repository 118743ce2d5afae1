import { chmod, lstat, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DONE, failed, nothingToUndo, type Step } from './step.js'

/**
 * After an environment was built: looks whether it is one and renames it into the shared place. Parents there are root's. Somebody
 * was faster: theirs stays, both were built from the same requirements (decision 17).
 */
export function publishEnvironment(): Step {
  return {
    name: 'publish-environment',
    async start(run) {
      if (run.spec.work?.$case !== 'restorePython') return DONE
      const { environment } = run.paths
      if (environment === undefined) return failed('there is no environment to publish')
      const { leaf, final, finalParent } = environment
      if ((await isDirectory(final)) && !(await isDirectory(leaf))) return DONE // published before a restart of the agent
      const python = await lstat(join(leaf, 'bin', 'python')).catch(() => undefined)
      if (!(await isDirectory(leaf)) || python === undefined)
        return failed('what was built is not a Python environment: it has no bin/python')
      // Every account reads it, whatever umask it was built with.
      await chmod(leaf, 0o755)
      await mkdir(finalParent, { recursive: true, mode: 0o755 })
      try {
        await rename(leaf, final)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
      }
      return DONE
    },
    undo: nothingToUndo,
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false
}
