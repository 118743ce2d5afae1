import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { listenersOf, parseTcp } from './listeners.js'

test('a listener of a process is found by its own address', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  try {
    expect(await listenersOf([process.pid])).toContain(`127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  } finally {
    server.close()
  }
})

test('addresses of the sixth version and closed sockets', () => {
  const head = '  sl  local_address\n'
  const line = (address: string, state: string) =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 77 1\n`
  expect(parseTcp(head + line('00000000000000000000000000000000:1F72', '0A') + line('0100007F:1F72', '01'))).toEqual([
    { inode: '77', address: '[::]:8050' },
  ])
})
