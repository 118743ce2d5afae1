import { compareVersions } from './version-constraint.js'

export interface LackingRPackage {
  readonly name: string
  readonly wanted: string
  /** Installed version that is too old; null = not installed. */
  readonly found: string | null
}

/**
 * Packages of the manifest that the host's library lacks: absent ones and older ones. Same or newer satisfies.
 * wanted: name → version ("" = any); installed: name → version.
 */
export function checkRPackages(
  wanted: ReadonlyMap<string, string>,
  installed: ReadonlyMap<string, string>,
): readonly LackingRPackage[] {
  const lacking: LackingRPackage[] = []
  for (const [name, version] of wanted) {
    const found = installed.get(name)
    if (found === undefined) lacking.push({ name, wanted: version, found: null })
    else if (version !== '' && compareVersions(found, version) < 0) lacking.push({ name, wanted: version, found })
  }
  return lacking.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** "shiny 1.9.0 (1.7.4 is installed)": one phrase for people. */
export function describeLackingRPackage(lacking: LackingRPackage): string {
  const name = lacking.wanted === '' ? lacking.name : `${lacking.name} ${lacking.wanted}`
  return `${name} (${lacking.found === null ? 'not installed' : `${lacking.found} is installed`})`
}
