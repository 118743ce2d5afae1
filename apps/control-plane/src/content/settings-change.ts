import type { ContentSettings } from './content.store.js'

/** Settings as they are asked for: undefined = leave, null = the server's default, access_type not yet judged. */
export type SettingsChange = {
  readonly [K in keyof ContentSettings]?: (K extends 'access_type' ? string : ContentSettings[K]) | undefined
}

/** Columns to write, after the change was judged. Locking without a message clears it, and so does unlocking. */
export function settingsColumns(change: SettingsChange): Partial<ContentSettings> {
  const columns = Object.fromEntries(
    Object.entries(change).filter(([, value]) => value !== undefined),
  ) as Partial<ContentSettings>
  if (change.title === '') Object.assign(columns, { title: null })
  if (change.locked === false || (change.locked === true && change.locked_message === undefined)) {
    Object.assign(columns, { locked_message: '' })
  }
  return columns
}
