import { expect, test } from 'vitest'
import { checkRPackages, describeLackingRPackage } from './check-r-packages.js'

const installed = new Map([
  ['shiny', '1.7.4'],
  ['MASS', '7.3-58.2'],
])

test.each([
  ['the same version', 'shiny', '1.7.4', []],
  ['an older one wanted', 'shiny', '1.6.0', []],
  ['no version wanted', 'shiny', '', []],
  ['a dash in the version', 'MASS', '7.3-58', []],
  ['a newer one wanted', 'shiny', '1.8.0', ['shiny 1.8.0 (1.7.4 is installed)']],
  ['an absent one', 'plotly', '4.10.1', ['plotly 4.10.1 (not installed)']],
])('%s', (_name, name, version, lacking) => {
  expect(checkRPackages(new Map([[name, version]]), installed).map(describeLackingRPackage)).toEqual(lacking)
})
