/** One wish about a content's environment: a null value removes the variable. */
export interface VariableChange {
  readonly name: string
  readonly value: string | null
}

export interface VariableLimits {
  readonly countMax: number
  readonly nameBytesMax: number
  readonly valueBytesMax: number
}

export type VariablesRefusal = { readonly apiCode: 25 | 108 | 149; readonly conflict: boolean; readonly message: string }

/** What POSIX shells and every runtime accept. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The first thing that is wrong with the changes; undefined = nothing. prohibited: names that content may not set. */
export function checkVariables(
  changes: readonly VariableChange[],
  limits: VariableLimits,
  prohibited: readonly string[],
): VariablesRefusal | undefined {
  const bad = (message: string): VariablesRefusal => ({ apiCode: 25, conflict: false, message })
  if (changes.length > limits.countMax) return bad(`Content can have at most ${limits.countMax} variables.`)
  const seen = new Set<string>()
  for (const { name, value } of changes) {
    if (!VARIABLE_NAME.test(name)) return bad(`"${name.slice(0, 64)}" is not a name for a variable: use letters, digits and "_".`)
    if (Buffer.byteLength(name) > limits.nameBytesMax)
      return bad(`The name of a variable has at most ${limits.nameBytesMax} bytes.`)
    if (prohibited.includes(name))
      return { apiCode: 108, conflict: true, message: `The variable "${name}" is set by the server.` }
    if (seen.has(name)) return { apiCode: 149, conflict: true, message: `The variable "${name}" is named twice.` }
    seen.add(name)
    if (value === null) continue
    if (value.includes('\0')) return bad(`The value of "${name}" contains a NUL character, which no environment can hold.`)
    if (Buffer.byteLength(value) > limits.valueBytesMax) {
      return bad(`The value of "${name}" is longer than ${limits.valueBytesMax} bytes.`)
    }
  }
  return undefined
}
