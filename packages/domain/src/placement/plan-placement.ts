/** What placement knows of a node. */
export interface PlacementNode {
  readonly nodeId: string
  /** live: heartbeats arrive; suspect: they stopped a moment ago; disconnected: longer ago. */
  readonly link: 'live' | 'suspect' | 'disconnected'
  readonly cpuCount: number
  readonly liveProcesses: number
  readonly pythons: readonly string[]
  readonly rs: readonly string[]
}

export interface PlacementNeed {
  /** Version that the bundle is pinned to; null = none needed. */
  readonly python: string | null
  readonly r: string | null
}

export type Placement = { readonly kind: 'place'; readonly nodeId: string } | { readonly kind: 'none'; readonly message: string }

/**
 * The node for a new process: a connected one that has the interpreters, fewest processes per processor.
 * A suspect node is taken only when no live one fits: what is desired waits there for the agent's return, usually a restart.
 */
export function planPlacement(nodes: readonly PlacementNode[], need: PlacementNeed, processesMax: number): Placement {
  const connected = nodes.filter((node) => node.link !== 'disconnected')
  if (connected.length === 0)
    return { kind: 'none', message: nodes.length === 0 ? 'No host has joined yet.' : 'No host is connected.' }
  const able = connected.filter(
    (node) => (need.python === null || node.pythons.includes(need.python)) && (need.r === null || node.rs.includes(need.r)),
  )
  if (able.length === 0) {
    const needs = [need.python === null ? null : `Python ${need.python}`, need.r === null ? null : `R ${need.r}`].filter(
      (part) => part !== null,
    )
    return {
      kind: 'none',
      message: `No connected host has ${needs.join(' and ')}, which this bundle was deployed with. Deploy it again.`,
    }
  }
  const free = able.filter((node) => node.liveProcesses < processesMax)
  if (free.length === 0) return { kind: 'none', message: `Every host already runs ${processesMax} processes.` }
  const load = (node: PlacementNode): number => node.liveProcesses / Math.max(1, node.cpuCount)
  const best = [...free].sort(
    (a, b) => Number(a.link !== 'live') - Number(b.link !== 'live') || load(a) - load(b) || (a.nodeId < b.nodeId ? -1 : 1),
  )[0] as PlacementNode
  return { kind: 'place', nodeId: best.nodeId }
}
