/** Mount root inside every sandbox; not configurable. Outside it holds empty directories. */
export const MNT = '/opt/berth/mnt'

export const MNT_APP = `${MNT}/app`
export const MNT_TMP = `${MNT}/tmp`
export const MNT_RUN = `${MNT}/run`
export const MNT_R = `${MNT}/R`
export const MNT_PACKRAT = `${MNT}/packrat`
export const MNT_PYTHON_ENVIRONMENTS = `${MNT}/python-environments`

/** Directories that an installation makes under MNT, empty and root-owned. */
export const MNT_DIRECTORIES = ['app', 'report', 'tmp', 'R', 'packrat', 'python-environments', 'run'] as const

/** Where content listens. */
export const CONTENT_SOCKET = `${MNT_RUN}/s`

/** A Python environment as content sees it. */
export function environmentPath(pythonVersion: string, hash: string): string {
  return `${MNT_PYTHON_ENVIRONMENTS}/pip/${pythonVersion}/${hash}`
}

/** True when `path` is `directory` or lies below it. Both absolute and normal. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`)
}

/** Absolute, no empty, `.` or `..` component, no NUL, within the launcher's limit. */
export function isNormalPath(path: string): boolean {
  if (!path.startsWith('/') || path.includes('\0') || Buffer.byteLength(path) > 4095) return false
  if (path === '/') return true
  return path
    .slice(1)
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..')
}
