import type { AgentSettings } from '@berth/config/part-settings.js'
import { readPartSettings } from '@berth/config/read-part-settings.js'
import { assert } from '@berth/domain/assert.js'
import { type Agent, startAgent } from './agent.js'
import { createAgentEvents, createLogger } from './events.js'

/*
 * The agent: root on a host, and the only part of the product that is. It parses no visitor's bytes and listens on nothing; it dials the
 * control plane, starts what that wants through the launcher, and reports. Content outlives it.
 */

async function main(): Promise<void> {
  const log = createLogger()
  const events = createAgentEvents(log)
  process.umask(0o022)
  process.on('uncaughtException', (error) => {
    // Content and its monitors do not mind; whoever supervises us starts us again, and we adopt.
    events.failed('the agent ends because of a mistake of its own', error)
    process.exit(1)
  })
  try {
    assert(process.getuid?.() === 0, 'the agent runs as root')
    const channel = await readPartSettings<AgentSettings>()
    const agent = await startAgent(channel.settings, events)
    endInOrder(agent, channel, (why) => events.note('agent ends', { why }))
  } catch (error) {
    events.failed('the agent could not start', error)
    process.exit(1)
  }
}

function endInOrder(
  agent: Agent,
  channel: Awaited<ReturnType<typeof readPartSettings<AgentSettings>>>,
  note: (why: string) => void,
): void {
  let ending = false
  const end = (why: string, how: () => Promise<void>) => {
    if (ending) return
    ending = true
    note(why)
    how().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  channel.onCommand(({ stop }) => {
    if (stop === 'content') end('content is stopped too', () => agent.stopContent())
  })
  channel.onStarterGone(() => end('whoever started it is gone', () => agent.leave()))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal, () => agent.leave()))
}

await main()
