/**
 * Runs `act` now and again `intervalMs` after it ended, until the signal aborts; pauses while the page is hidden.
 * `act` reports its own failures; one that throws is tried again as well.
 */
export function repeat(intervalMs: number, signal: AbortSignal, act: () => Promise<void>): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const round = async (): Promise<void> => {
    try {
      await act()
    } catch (error) {
      console.error(error)
    }
    if (!signal.aborted) timer = setTimeout(next, intervalMs)
  }
  const next = (): void => {
    if (signal.aborted) return
    if (document.visibilityState === 'visible') void round()
    else document.addEventListener('visibilitychange', next, { once: true, signal })
  }
  signal.addEventListener('abort', () => clearTimeout(timer))
  void round()
}
