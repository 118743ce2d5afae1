export type StopReason =
  | 'idle'
  | 'run_as_changed'
  | 'environment_changed'
  | 'replaced'
  | 'killed'
  | 'shutdown'
  | 'content_deleted'
