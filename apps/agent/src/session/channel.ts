import { X509Certificate } from 'node:crypto'
import { CONTROL_PLANE_SERVER_NAME } from '@berth/protocol/join-token.js'
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js'
import { CONTROL_MESSAGE_BYTES_MAX, KEEPALIVE_ANSWER_MS, KEEPALIVE_MS } from '../limits.js'
import type { ControlPlaneAddress } from './cluster-https.js'
import type { AgentIdentity } from './identity.js'

/** Where and as whom to dial: one connection of its own for each client made from it. */
export interface Channel {
  readonly target: string
  readonly credentials: ChannelCredentials
  readonly options: ClientOptions
}

/** Mutual TLS to the control plane. The server's name is fixed, so the address may be anything that leads there. */
export function channelTo(address: ControlPlaneAddress, identity: AgentIdentity): Channel {
  // grpc-js reports an unreadable certificate only as a connection that never comes up; say it here.
  void new X509Certificate(identity.certificate)
  return {
    target: `dns:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`,
    credentials: credentials.createSsl(
      Buffer.from(identity.authority),
      Buffer.from(identity.key),
      Buffer.from(identity.certificate),
    ),
    options: {
      'grpc.ssl_target_name_override': CONTROL_PLANE_SERVER_NAME,
      'grpc.default_authority': CONTROL_PLANE_SERVER_NAME,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': CONTROL_MESSAGE_BYTES_MAX,
      // Bulk must not share a connection with control, and an old certificate's connection must not be found again.
      'grpc.use_local_subchannel_pool': 1,
      // Retries are ours: each attempt is a new Hello.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
    },
  }
}
