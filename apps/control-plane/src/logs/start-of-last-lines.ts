const LINE_END = 0x0a

/**
 * Where in the bytes the last so many lines begin, counted by line ends from the back: behind the (linesMax + 1)th one, or at 0 when there
 * are fewer. lineEnds: how many were met on the way. Looks at no byte before that.
 */
export function startOfLastLines(bytes: Uint8Array, linesMax: number): { readonly from: number; readonly lineEnds: number } {
  let lineEnds = 0
  for (let at = bytes.lastIndexOf(LINE_END); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(LINE_END, at - 1)) {
    lineEnds += 1
    if (lineEnds > linesMax) return { from: at + 1, lineEnds }
  }
  return { from: 0, lineEnds }
}
