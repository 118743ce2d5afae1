import { AppError } from '@berth/domain/app-error.js'
import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common'
import { z } from 'zod'
import { RawBody } from './read-body.js'

/**
 * Bodies and queries against the schemas of api-contract. Bodies are read as JSON whatever their Content-Type says; that happens
 * here, after the guard, so that a stranger with a broken body hears 401 and not 400.
 */
@Injectable()
export class ContractPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    if (metadata.schema === undefined) return value
    const input = metadata.type === 'body' ? (value instanceof RawBody ? value.json() : undefined) : value
    const parsed = z.safeParse(metadata.schema as z.ZodType, input)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
    throw new AppError(
      'invalid',
      `${metadata.type === 'body' ? 'The body' : 'The query'} is not right: ${where}${issue?.message ?? ''}`,
      {
        apiCode: 25,
      },
    )
  }
}
