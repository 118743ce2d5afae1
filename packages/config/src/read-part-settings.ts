import { createReadStream, fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** Descriptor on which a part finds its settings. */
export const SETTINGS_DESCRIPTOR = 3

export type PartCommand = { readonly stop: 'content' }

export interface PartChannel<Settings> {
  readonly settings: Settings
  /** Later lines, such as {"stop":"content"}. */
  onCommand(listener: (command: PartCommand) => void): void
  /** Whoever started the part is gone. Called at most once; at once if it already happened. */
  onStarterGone(listener: () => void): void
}

/** Reads the one settings line and leaves the pipe open: its end tells that the starter is gone. */
export async function readPartSettings<Settings>(descriptor = SETTINGS_DESCRIPTOR): Promise<PartChannel<Settings>> {
  const lines = createInterface({ input: openDescriptor(descriptor) })
  const commandListeners: ((command: PartCommand) => void)[] = []
  const pending: PartCommand[] = []
  let gone = false
  let goneListener: (() => void) | undefined
  const settings = await new Promise<Settings>((resolve, reject) => {
    let first = true
    lines.on('line', (line) => {
      if (first) {
        first = false
        try {
          resolve(JSON.parse(line) as Settings)
        } catch (cause) {
          reject(new Error(`settings on descriptor ${descriptor} are not JSON`, { cause }))
        }
        return
      }
      const command = JSON.parse(line) as PartCommand
      if (commandListeners.length === 0) pending.push(command)
      for (const listener of commandListeners) listener(command)
    })
    lines.on('close', () => {
      gone = true
      if (first) reject(new Error(`no settings on descriptor ${descriptor}: start parts with \`berth up\` or \`berth run\``))
      goneListener?.()
    })
    lines.on('error', reject)
  })
  return {
    settings,
    onCommand(listener) {
      commandListeners.push(listener)
      for (const command of pending.splice(0)) listener(command)
    },
    onStarterGone(listener) {
      goneListener = listener
      if (gone) listener()
    },
  }
}

/** A pipe is read by the event loop: as a file, the read that waits for its end would hold a thread, and with it process.exit(). */
function openDescriptor(descriptor: number): NodeJS.ReadableStream {
  const stat = fstatSync(descriptor)
  if (stat.isFIFO() || stat.isSocket()) return new Socket({ fd: descriptor, readable: true, writable: false })
  return createReadStream('', { fd: descriptor, autoClose: false })
}
