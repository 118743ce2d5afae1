import { AppError, errorChain } from '@berth/domain/app-error.js'
import {
  type AgentMessage,
  type AgentSessionServiceServer,
  ControlMessage,
  FetchLaunchSecretsResponse,
} from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { handleBidiStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import type { AgentLink, AgentSession, SessionHub } from '../nodes/session-hub.js'
import type { LaunchSecrets } from '../processes/launch-secrets.js'
import type { Log } from '../telemetry.js'
import { peerNode } from './peer-node.js'
import { grpcError } from './status-map.js'

/** The agents' control stream and the secrets of a launch: proto ↔ session hub. */
export function agentSessionService(deps: {
  readonly hub: SessionHub
  readonly secrets: LaunchSecrets
  readonly log: Log
}): Pick<AgentSessionServiceServer, 'connect' | 'fetchLaunchSecrets'> {
  const connect: handleBidiStreamingCall<AgentMessage, ControlMessage> = (call) => {
    const nodeId = peerNode(call)
    if (nodeId === undefined) {
      call.emit(
        'error',
        grpcError(new AppError('unauthenticated', 'a certificate of this cluster is needed: enrol with a join token')),
      )
      return
    }
    const link: AgentLink = {
      send(message) {
        if (call.writable) call.write(message)
      },
      goodbye(reason) {
        if (!call.writable) return
        call.write(ControlMessage.fromPartial({ message: { $case: 'goodbye', value: { reason } } }))
        call.end()
      },
    }
    void (async () => {
      let session: AgentSession | undefined
      try {
        for await (const message of call.iterator({ destroyOnReturn: false }) as AsyncIterable<AgentMessage>) {
          if (session === undefined) {
            if (message.message?.$case !== 'hello') throw new AppError('invalid', 'the first message of a stream is Hello')
            session = await deps.hub.open(nodeId, message.message.value, link)
            if (session === undefined) return
            continue
          }
          await session.receive(message)
        }
        call.end()
      } catch (error) {
        // The database being away ends the stream without an acknowledgement: the agent connects again and sends again.
        deps.log.warn({ node: nodeId, error: errorChain(error) }, 'an agent stream ended with an error')
        // Not destroy: that would close without a status, and the agent would wait on a stream that is over.
        if (!call.destroyed) call.emit('error', grpcError(error))
      } finally {
        session?.closed()
      }
    })()
  }
  const fetchLaunchSecrets: handleUnaryCall<Parameters<LaunchSecrets>[1], FetchLaunchSecretsResponse> = (call, callback) => {
    const nodeId = peerNode(call)
    if (nodeId === undefined)
      return callback(grpcError(new AppError('unauthenticated', 'a certificate of this cluster is needed')))
    deps.secrets(nodeId, call.request).then(
      (env) => callback(null, FetchLaunchSecretsResponse.fromPartial({ env })),
      (error: unknown) => {
        deps.log.warn(
          { node: nodeId, process: call.request.processId, error: errorChain(error) },
          'launch secrets were not given',
        )
        callback(grpcError(error))
      },
    )
  }
  return { connect, fetchLaunchSecrets: fetchLaunchSecrets as AgentSessionServiceServer['fetchLaunchSecrets'] }
}
