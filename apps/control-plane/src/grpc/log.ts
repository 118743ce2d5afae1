import { AppError, errorChain } from '@berth/domain/app-error.js'
import { LogAck, type LogBatch, type LogServiceServer } from '@berth/protocol/gen/berth/agent/v1/log.js'
import type { ChangeFeed } from '../events.js'
import { appendLog } from '../logs/append-log.js'
import { nodeExists } from '../nodes/node.store.js'
import type { Sql } from '../platform/postgres.js'
import type { Log, Metrics } from '../telemetry.js'
import { peerNode } from './peer-node.js'
import { grpcError } from './status-map.js'

/** Output of processes: one batch at a time is read, committed, acknowledged; the transport's window holds back the rest. */
export function logService(deps: {
  readonly sql: Sql
  readonly feed: ChangeFeed
  readonly metrics: Metrics
  readonly log: Log
}): Pick<LogServiceServer, 'push'> {
  return {
    push(call) {
      const nodeId = peerNode(call)
      void (async () => {
        try {
          if (nodeId === undefined || !(await nodeExists(deps.sql, nodeId))) {
            throw new AppError('unauthenticated', 'a certificate of a node of this cluster is needed')
          }
          for await (const batch of call.iterator({ destroyOnReturn: false }) as AsyncIterable<LogBatch>) {
            const appended = await appendLog(deps.sql, nodeId, batch)
            call.write(LogAck.fromPartial({ stored: [...appended.stored] }))
            deps.metrics.logBytesStored.inc(appended.bytes)
            deps.metrics.logBytesDropped.inc(appended.droppedBytes)
            for (const id of new Set(appended.stored.map((position) => position.processId))) deps.feed.ring('log_appended', id)
          }
          call.end()
        } catch (error) {
          deps.log.warn({ node: nodeId, error: errorChain(error) }, 'a log stream ended with an error')
          // Not destroy: that would close without a status, and the agent would wait on a stream that is over.
          if (!call.destroyed) call.emit('error', grpcError(error))
        }
      })()
    },
  }
}
