import { AppError, type AppErrorCode, errorChain } from '@berth/domain/app-error.js'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'

const STATUS = {
  internal: status.INTERNAL,
  unavailable: status.UNAVAILABLE,
  not_found: status.NOT_FOUND,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  conflict: status.ABORTED,
  invalid: status.INVALID_ARGUMENT,
  too_large: status.RESOURCE_EXHAUSTED,
  too_many: status.RESOURCE_EXHAUSTED,
  unsupported: status.UNIMPLEMENTED,
} as const satisfies Record<AppErrorCode, status>

/** What the peer is told. Anything that is no AppError is our database being away as often as a bug: the peer may try again. */
export function grpcError(error: unknown): ServiceError {
  const code = error instanceof AppError ? STATUS[error.code] : status.UNAVAILABLE
  const details = error instanceof AppError ? error.message : 'the control plane cannot answer now: try again'
  return Object.assign(new Error(errorChain(error)), { code, details, metadata: new Metadata() })
}
