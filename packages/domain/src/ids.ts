// Branded ids: one kind cannot be passed where another is meant.
declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** UUID that the API calls `guid`. */
export type ContentGuid = Branded<string, 'ContentGuid'>
export type UserGuid = Branded<string, 'UserGuid'>
export type GroupGuid = Branded<string, 'GroupGuid'>
export type NodeId = Branded<string, 'NodeId'>
/** UUIDv7 of one execution: names its run directory, cgroup and log; never started twice. */
export type ProcessId = Branded<string, 'ProcessId'>
/** Numeric; XX and YY of `DataDir/apps/XX/YY`. Strings on the REST wire. */
export type ContentId = Branded<bigint, 'ContentId'>
export type BundleId = Branded<bigint, 'BundleId'>
/** 16 characters of [0-9A-Za-z]: what a client polls. */
export type TaskId = Branded<string, 'TaskId'>
/** 16 characters of [0-9A-Za-z]: the API's job key of a process. */
export type JobKey = Branded<string, 'JobKey'>

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function isUuid(text: string): boolean {
  return UUID.test(text)
}
