import { AppError } from '@berth/domain/app-error.js'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from '../rest-limits.js'

export interface Page {
  readonly number: number
  readonly size: number
  readonly offset: number
}

/** Pages count from 1. A size beyond the greatest is cut to it: some clients ask for a million. */
export function readPage(query: { readonly page_number?: string | undefined; readonly page_size?: string | undefined }): Page {
  const number = readCount(query.page_number, 'page_number') ?? 1
  const size = Math.min(readCount(query.page_size, 'page_size') ?? PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
  return { number, size, offset: (number - 1) * size }
}

/** A whole number from 1; undefined or '' = not given. */
export function readCount(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || value > 1_000_000_000) {
    throw new AppError('invalid', `${name} is a whole number from 1.`, { apiCode: 25 })
  }
  return value
}

export function readId(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new AppError('invalid', 'That is not an id.', { apiCode: 3 })
  return BigInt(text)
}
