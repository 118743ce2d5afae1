import { isUuid } from '@berth/domain/ids.js'
import type { ServerDuplexStream, ServerReadableStream, ServerUnaryCall } from '@grpc/grpc-js'

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>

/** Node id of the certificate that the caller proved in the handshake; undefined = no certificate of our authority. */
export function peerNode(call: Pick<AnyCall, 'getAuthContext'>): string | undefined {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext()
  const name = sslPeerCertificate?.subject?.CN
  return transportSecurityType === 'ssl' && typeof name === 'string' && isUuid(name) ? name : undefined
}
