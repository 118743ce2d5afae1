import type { FedBundle, RoutedContent, RouteTable } from './route-table.js'

const CONTENT_PREFIX = '/content/'
const GUID_LENGTH = 36
const DRAFT_PREFIX = '_bundle'

export type RouteMatch =
  /** Not content: the control plane answers. */
  | { readonly kind: 'control_plane' }
  /** The address of the content itself lacks its slash; relative links need it. */
  | { readonly kind: 'add_slash'; readonly path: string }
  | { readonly kind: 'no_content' }
  | { readonly kind: 'not_deployed'; readonly content: RoutedContent }
  | {
      readonly kind: 'content'
      readonly content: RoutedContent
      readonly bundle: FedBundle
      readonly draft: boolean
      /** Where the content is mounted, without final slash: what the visitor's path begins with. */
      readonly prefix: string
      /** What the content sees: begins with a slash. */
      readonly rest: string
    }

/**
 * Finds what answers at host and path (R-050; publisher-api "Non-API content URLs").
 *
 * @param host of the request, lower case, without port
 * @param path normalised (normalisePath), without query
 */
export function matchRoute(table: RouteTable, host: string, path: string): RouteMatch {
  if (path.startsWith(CONTENT_PREFIX)) {
    const end = CONTENT_PREFIX.length + GUID_LENGTH
    const content = table.contents.get(path.slice(CONTENT_PREFIX.length, end))
    if (content === undefined) return { kind: 'no_content' }
    if (path.length === end) return { kind: 'add_slash', path: `${path}/` }
    if (path.charCodeAt(end) !== 0x2f) return { kind: 'no_content' }
    return matchBelow(content, path, end)
  }
  for (const mounted of table.paths) {
    if (mounted.host !== '' && mounted.host !== host) continue
    if (!path.startsWith(mounted.prefix)) continue
    if (path.length === mounted.prefix.length) return { kind: 'add_slash', path: `${path}/` }
    if (path.charCodeAt(mounted.prefix.length) !== 0x2f) continue
    return matchBelow(mounted.content, path, mounted.prefix.length)
  }
  return { kind: 'control_plane' }
}

function matchBelow(content: RoutedContent, path: string, prefixLength: number): RouteMatch {
  if (path.startsWith(DRAFT_PREFIX, prefixLength + 1)) {
    const slash = path.indexOf('/', prefixLength + 1)
    const id = path.slice(prefixLength + 1 + DRAFT_PREFIX.length, slash === -1 ? undefined : slash)
    // Other names that happen to begin so belong to the content.
    if (/^[1-9][0-9]{0,18}$/.test(id)) {
      const bundle = content.bundles.get(id)
      if (bundle === undefined) return { kind: 'no_content' }
      if (slash === -1) return { kind: 'add_slash', path: `${path}/` }
      return { kind: 'content', content, bundle, draft: true, prefix: path.slice(0, slash), rest: path.slice(slash) }
    }
  }
  if (content.active === undefined) return { kind: 'not_deployed', content }
  return {
    kind: 'content',
    content,
    bundle: content.active,
    draft: false,
    prefix: path.slice(0, prefixLength),
    rest: path.slice(prefixLength),
  }
}
