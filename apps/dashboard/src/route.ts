export type Route =
  | { readonly view: 'list' }
  | {
      readonly view: 'content'
      readonly guid: string
      readonly section: 'overview' | 'access' | 'logs'
      readonly draft: string | null
    }

const CONTENT = /^#\/apps\/([0-9a-f-]{36})(?:\/(access|logs|draft\/(\d+)))?\/?$/

/**
 * Which view an address names: `#/apps/<guid>` with the suffixes that publishing clients print or open
 * (`/access`, `/logs`, `/draft/<bundle id>`); anything else is the list.
 */
export function parseRoute(hash: string): Route {
  const match = CONTENT.exec(hash)
  if (match?.[1] === undefined) return { view: 'list' }
  const section = match[2] === 'access' || match[2] === 'logs' ? match[2] : 'overview'
  return { view: 'content', guid: match[1], section, draft: match[3] ?? null }
}
