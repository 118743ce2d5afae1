import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { AppError } from '@berth/domain/app-error.js'

/** Throws one clear sentence when nobody could listen there now. hint: how to choose another place. */
export async function checkPortIsFree(listen: { readonly host: string; readonly port: number }, hint: string): Promise<void> {
  const problem = await tryToListen(listen)
  if (problem === undefined) return
  const where = `${listen.host === '::' ? '' : listen.host}:${listen.port}`
  if (problem === 'EADDRINUSE') {
    const holder = whoListens(listen.port)
    throw new AppError('conflict', `${where} is already in use${holder === undefined ? '' : ` by ${holder}`}: ${hint}`)
  }
  throw new AppError('invalid', `cannot listen on ${where} (${problem}): ${hint}`)
}

async function tryToListen(listen: { readonly host: string; readonly port: number }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host: listen.host, port: listen.port }, () => server.close(() => resolve(undefined)))
  })
}

const LISTENING = '0A'

/** Name and pid of what listens on the port, as far as /proc tells. */
function whoListens(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(suffix) === true && fields[3] === LISTENING) inodes.add(`socket:[${fields[9]}]`)
    }
  }
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const found = readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`)))
      if (found) return `${readText(`/proc/${pid}/comm`).trim()} (pid ${pid})`
    } catch {
      // gone meanwhile
    }
  }
  return undefined
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
