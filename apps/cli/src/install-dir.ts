import { dirname } from 'node:path'

/** Directory of this build, /usr/lib/berth/<build>: this file lies in apps/cli/dist below it. */
export const INSTALL_DIR = dirname(dirname(dirname(import.meta.dirname)))
