import { LifecycleEvent } from '@berth/protocol/gen/berth/agent/v1/lifecycle.js'
import { expect, test } from 'vitest'
import { EVENTS_BATCH_MAX } from '../limits.js'
import { EventSender, type EventSource } from './event-sender.js'

function source(id: string, count: number): EventSource & { events: LifecycleEvent[]; acked: { seq: number } } {
  return {
    id,
    events: Array.from({ length: count }, (_, index) => LifecycleEvent.fromPartial({ processId: id, seq: index + 1 })),
    acked: { seq: 0 },
    async raiseTo(seq) {
      this.acked.seq = Math.max(this.acked.seq, seq)
    },
    acknowledge({ seq }) {
      this.acked.seq = Math.max(this.acked.seq, seq)
    },
    takeBack(seq) {
      this.acked.seq = Math.min(this.acked.seq, seq)
    },
  }
}

function harness(...sources: EventSource[]) {
  const sent: string[][] = []
  const sender = new EventSender(new Map(sources.map((one) => [one.id, one])), () => undefined)
  const send = async (events: readonly LifecycleEvent[]) => {
    sent.push(events.map((event) => `${event.processId}${event.seq}`))
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { sent, sender, send, settled }
}

test('after Welcome everything after what is stored goes again', async () => {
  const { sent, sender, send, settled } = harness(source('a', 4), source('b', 2))
  sender.connected([{ processId: 'a', lastSeq: 2 }], send)
  await settled()
  expect(sent).toEqual([['a3', 'a4', 'b1', 'b2']])
})

test('nothing goes twice on one stream, and again on the next one what was not acknowledged', async () => {
  const a = source('a', 2)
  const { sent, sender, send, settled } = harness(a)
  sender.connected([], send)
  await settled()
  sender.acked({ stored: [{ processId: 'a', lastSeq: 1 }], resend: [] })
  sender.wake()
  await settled()
  sender.disconnected()
  sender.connected([{ processId: 'a', lastSeq: 1 }], send)
  await settled()
  expect(sent).toEqual([['a1', 'a2'], ['a2']])
})

test('a gap is filled from the first missing number', async () => {
  const { sent, sender, send, settled } = harness(source('a', 3))
  sender.connected([], send)
  await settled()
  sender.acked({ stored: [], resend: [{ processId: 'a', lastSeq: 1 }] })
  await settled()
  expect(sent).toEqual([
    ['a1', 'a2', 'a3'],
    ['a2', 'a3'],
  ])
})

test('a database restored to earlier gets again what it had acknowledged', async () => {
  const a = source('a', 3)
  a.acked.seq = 3
  const { sent, sender, send, settled } = harness(a)
  sender.connected([{ processId: 'a', lastSeq: 1 }], send)
  await settled()
  expect(sent).toEqual([['a2', 'a3']])
})

test('batches are bounded', async () => {
  const { sent, sender, send, settled } = harness(source('a', EVENTS_BATCH_MAX), source('b', 1))
  sender.connected([], send)
  await settled()
  await settled()
  expect(sent.map((batch) => batch.length)).toEqual([EVENTS_BATCH_MAX, 1])
})

test('what a crash of the host took is not asked for and refused for ever', async () => {
  const a = source('a', 3)
  a.events.splice(1, 1)
  const { sent, sender, send, settled } = harness(a)
  sender.connected([], send)
  await settled()
  sender.acked({ stored: [], resend: [{ processId: 'a', lastSeq: 1 }] })
  await settled()
  expect(sent).toEqual([['a1', 'a3']])
})
