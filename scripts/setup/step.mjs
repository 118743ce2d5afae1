// One line per step with the time it took, so that a long set-up shows where it is.
const started = Date.now()

/** Runs work, prints its name and duration. Work may return a note for the line. */
export async function step(name, work) {
  const begin = Date.now()
  const live = process.stdout.isTTY
  if (live) process.stdout.write(`  … ${name}`)
  try {
    const note = await work()
    const seconds = ((Date.now() - begin) / 1000).toFixed(1)
    process.stdout.write(`${live ? '\r' : ''}  ✓ ${name}${note ? ` (${note})` : ''}  ${seconds} s\n`)
  } catch (error) {
    process.stdout.write(`${live ? '\r' : ''}  ✗ ${name}\n`)
    throw error
  }
}

export function secondsSinceStart() {
  return ((Date.now() - started) / 1000).toFixed(1)
}
