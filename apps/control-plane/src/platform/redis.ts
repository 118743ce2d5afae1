// Redis: the doorbell and the work queue. Nothing is kept in it that rows do not say.
import type { RedisSettings } from '@berth/config/part-settings.js'
import type { ConnectionOptions } from 'bullmq'
import { REDIS_RETRY_MAX_MS } from '../limits.js'

/**
 * How BullMQ connects: again for ever after a loss. failFast: commands fail while it is away (for those who ring);
 * otherwise they wait (for workers, whose waiting is their work).
 */
export function redisConnection(settings: RedisSettings, options: { readonly failFast: boolean }): ConnectionOptions {
  return {
    ...(settings.kind === 'url' ? { url: settings.url } : { path: settings.socket, password: settings.password }),
    maxRetriesPerRequest: options.failFast ? 1 : null,
    enableOfflineQueue: !options.failFast,
    retryStrategy: (tries: number) => Math.min(50 * 2 ** Math.min(tries, 10), REDIS_RETRY_MAX_MS),
  }
}
