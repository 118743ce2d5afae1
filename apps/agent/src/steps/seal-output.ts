import { lstat, rename } from 'node:fs/promises'
import { removeTrees } from '../host/remove-tree.js'
import { sealTree } from '../host/seal-tree.js'
import { DONE, failed, nothingToUndo, type Step } from './step.js'

/**
 * After an unpacking process has ended well: seals what it wrote where that is to be served as files, and gives it its final name, so
 * that a half unpacked tree never has it. A tree of the same bundle that is there already stays: the application's data is in it.
 */
export function sealOutput(gatewayGid: number): Step {
  return {
    name: 'seal-output',
    async start(run) {
      if (run.spec.work?.$case !== 'unpack') return DONE
      const { app } = run.paths
      if (app === undefined) return failed('there is no content to unpack')
      if (await exists(app.dir)) {
        await removeTrees([app.unpacking])
        return DONE
      }
      if (run.spec.work.value.seal) {
        const outcome = await sealTree(app.unpacking, gatewayGid)
        if (outcome.kind === 'refused') return failed(`the bundle cannot be served: ${outcome.message}`)
      }
      await rename(app.unpacking, app.dir)
      return DONE
    },
    undo: nothingToUndo,
  }
}

async function exists(dir: string): Promise<boolean> {
  return lstat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
