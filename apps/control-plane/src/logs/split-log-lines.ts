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

/** Cuts one stream into lines, chunk by chunk in order of offset. Holds at most one unfinished line. */
export interface LineSplitter {
  push(chunk: LogChunk): readonly LogLine[]
  /** The unfinished last line, if there is one. */
  end(): readonly LogLine[]
}

/**
 * A line's time is that of the chunk that ended it. Lines longer than lineBytesMax come in pieces. Bytes that are not UTF-8 show as
 * U+FFFD, dropped ones as a line that says how many.
 */
export function createLineSplitter(source: LogChunk['stream'], lineBytesMax: number): LineSplitter {
  let rest: Buffer = Buffer.alloc(0)
  let at = new Date(0)
  const lineOf = (bytes: Buffer): LogLine => {
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
    return { source, timestamp: at, data: bytes.subarray(0, end).toString('utf8') }
  }
  const end = (): readonly LogLine[] => {
    const last = rest.length > 0 ? [lineOf(rest)] : []
    rest = Buffer.alloc(0)
    return last
  }
  return {
    push(chunk) {
      at = chunk.at
      if (chunk.data === null) {
        return [...end(), { source, timestamp: at, data: `[${chunk.gapBytes} bytes of output were dropped here]` }]
      }
      const lines: LogLine[] = []
      let bytes = rest.length === 0 ? Buffer.from(chunk.data) : Buffer.concat([rest, chunk.data])
      for (let lineEnd = bytes.indexOf(0x0a); lineEnd >= 0; lineEnd = bytes.indexOf(0x0a)) {
        lines.push(lineOf(bytes.subarray(0, lineEnd)))
        bytes = bytes.subarray(lineEnd + 1)
      }
      for (; bytes.length > lineBytesMax; bytes = bytes.subarray(lineBytesMax))
        lines.push(lineOf(bytes.subarray(0, lineBytesMax)))
      rest = bytes
      return lines
    },
    end,
  }
}

/** Lines of both streams in order of time. chunks: of each stream in order of offset. An unfinished last line counts. */
export function splitLogLines(chunks: readonly LogChunk[], lineBytesMax: number): readonly LogLine[] {
  const lines: LogLine[] = []
  for (const source of ['stdout', 'stderr'] as const) {
    const splitter = createLineSplitter(source, lineBytesMax)
    for (const chunk of chunks) if (chunk.stream === source) for (const line of splitter.push(chunk)) lines.push(line)
    lines.push(...splitter.end())
  }
  // Stable: lines of one time stay in the order of their stream.
  return lines.sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime())
}
