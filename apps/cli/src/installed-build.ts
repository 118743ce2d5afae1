import { dirname } from 'node:path'

/** Root of the build that this file belongs to: /usr/lib/berth/<build>, from <root>/apps/cli/dist. */
export const INSTALL_DIR = dirname(dirname(dirname(import.meta.dirname)))
