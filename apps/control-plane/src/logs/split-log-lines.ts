export interface LogChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array | null
  readonly gapBytes: bigint
  readonly at: Date
}

export interface LogLine {
  readonly source: 'stdout' | 'stderr'
  readonly timestamp: Date
  /** Without its end. */
  readonly data: string
}

/**
 * Lines of both streams in order of time. chunks: of each stream in order of offset. A line's time is that of the chunk that ended it;
 * an unfinished last line counts. Lines longer than lineBytesMax come in pieces. Bytes that are not UTF-8 show as U+FFFD.
 */
export function splitLogLines(chunks: readonly LogChunk[], lineBytesMax: number): readonly LogLine[] {
  const lines: (LogLine & { readonly order: number })[] = []
  let order = 0
  for (const source of ['stdout', 'stderr'] as const) {
    let rest: Buffer = Buffer.alloc(0)
    let at = new Date(0)
    const push = (bytes: Buffer, timestamp: Date): void => {
      const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
      lines.push({ source, timestamp, data: bytes.subarray(0, end).toString('utf8'), order: order++ })
    }
    for (const chunk of chunks) {
      if (chunk.stream !== source) continue
      at = chunk.at
      if (chunk.data === null) {
        if (rest.length > 0) push(rest, at)
        rest = Buffer.alloc(0)
        lines.push({ source, timestamp: at, data: `[${chunk.gapBytes} bytes of output were dropped here]`, order: order++ })
        continue
      }
      let bytes = rest.length === 0 ? Buffer.from(chunk.data) : Buffer.concat([rest, chunk.data])
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
        push(bytes.subarray(0, end), at)
        bytes = bytes.subarray(end + 1)
      }
      while (bytes.length > lineBytesMax) {
        push(bytes.subarray(0, lineBytesMax), at)
        bytes = bytes.subarray(lineBytesMax)
      }
      rest = bytes
    }
    if (rest.length > 0) push(rest, at)
  }
  return lines
    .sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime() || a.order - b.order)
    .map(({ source, timestamp, data }) => ({ source, timestamp, data }))
}
