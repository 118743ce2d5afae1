const TYPE_NAMES: Readonly<Record<string, string>> = {
  unknown: 'Not deployed yet',
  static: 'Static page',
  shiny: 'Shiny application',
  'python-api': 'Python API',
}

const ACCESS_NAMES: Readonly<Record<string, string>> = {
  all: 'Anyone',
  logged_in: 'Anyone signed in',
  acl: 'Selected people',
}

export function typeName(appMode: string): string {
  return TYPE_NAMES[appMode] ?? appMode
}

export function accessName(accessType: string): string {
  return ACCESS_NAMES[accessType] ?? accessType
}
