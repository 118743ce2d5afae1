import { RouteServiceClient } from '@berth/protocol/gen/berth/gateway/v1/route.js'
import { type ChannelOptions, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { RECONNECT_FIRST_MS, RECONNECT_MS_MAX, ROUTES_BYTES_MAX } from './limits.js'

const OPTIONS: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': RECONNECT_FIRST_MS,
  'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
  'grpc.max_receive_message_length': ROUTES_BYTES_MAX,
  // A control plane that hangs without closing is noticed.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_http_proxy': 0,
}

/** Plain gRPC on a Unix socket: who may open it is decided by its directory. */
export function openControlChannel(controlSocket: string): RouteServiceClient {
  return new RouteServiceClient(`unix://${controlSocket}`, credentials.createInsecure(), OPTIONS)
}

/** The control plane did not answer, in contrast to answering with a refusal. */
export function isAway(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED || error.code === status.CANCELLED
}
