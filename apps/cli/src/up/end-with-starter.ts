import { Socket } from 'node:net'

const STARTER_DESCRIPTOR = 3

/** When whoever started us is killed outright, end as killed too: the parts see their own pipes close, everything else lives on. */
export function endWithStarter(): void {
  const pipe = new Socket({ fd: STARTER_DESCRIPTOR, readable: true, writable: false })
  pipe.on('close', () => process.kill(process.pid, 'SIGKILL'))
  pipe.on('error', () => {})
  pipe.resume()
  pipe.unref()
}
