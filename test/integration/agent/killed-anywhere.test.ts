import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AgentHost, ANSWERING, ask } from './agent-host.js'

let host: AgentHost
beforeAll(async () => {
  host = await AgentHost.create()
  await host.startAgent()
})
afterAll(() => host.destroy())

/** Between the set's arrival and ready lie some 60 ms; these fall before, into every step of it, and after. */
const DELAYS_MS = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 50, 60, 80]

test.each(DELAYS_MS)(
  'I1 I2: the agent is killed %i ms after it was told to start, and the process runs once and is reported whole',
  async (delayMs) => {
    const spec = host.serving(`open('ran', 'a').write('x')\n${ANSWERING}`)
    host.sim.want([spec])
    await sleep(delayMs) // the moment is what is tested; nothing is waited for
    await host.killAgent()
    await host.startAgent()
    const { socketPath } = await host.sim.waitForEvent(spec.processId, 'ready')
    await waitFor('an answer', async () => (await ask(socketPath)) !== '')
    expect(readFileSync(join(host.appDir(spec.content as never), 'ran'), 'utf8')).toBe('x')
    host.sim.want([])
    await host.sim.waitForEvent(spec.processId, 'finalized')
    const events = host.sim.eventsOf(spec.processId)
    expect(events.map((one) => one.seq)).toEqual(events.map((_, index) => index + 1))
    expect(events.map((one) => one.event?.$case)).toEqual(['accepted', 'started', 'ready', 'exited', 'finalized'])
    expect(host.sim.logOf(spec.processId, 'stdout').text).toBe(`hello from ${host.accounts.standard.uid}\nbye\n`)
  },
)
