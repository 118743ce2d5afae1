import type { PartName } from '@berth/config/part-settings.js'
import type { Account } from '../host/accounts.js'

export interface Part {
  readonly name: PartName
  /** Whom it runs as. */
  readonly account: Account
  /** Asked at every start: a join token, for one, is good for one start only. */
  settings(): Promise<object>
  /** It answers. */
  isReady(): Promise<boolean>
  /** It needs a capability of root although its account is another, such as binding a port below 1024. */
  readonly bindsLowPort?: boolean
}
