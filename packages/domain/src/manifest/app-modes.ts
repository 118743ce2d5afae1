/** Kinds of content that publishing clients know, in the spelling of manifest.json. Source: publisher-api 4.1. */
export const APP_MODES = {
  unknown: 0,
  shiny: 1,
  'rmd-shiny': 2,
  'rmd-static': 3,
  static: 4,
  api: 5,
  'tensorflow-saved-model': 6,
  'jupyter-static': 7,
  'python-api': 8,
  'python-dash': 9,
  'python-streamlit': 10,
  'python-bokeh': 11,
  'python-fastapi': 12,
  'quarto-shiny': 13,
  'quarto-static': 14,
  'python-shiny': 15,
  'jupyter-voila': 16,
  'python-gradio': 17,
  'python-panel': 18,
  nodejs: 20,
} as const satisfies Record<string, number>

export type AppMode = keyof typeof APP_MODES

/** What this build runs. Anything else of APP_MODES is refused at upload, by name. */
export const SUPPORTED_APP_MODES = ['python-api', 'shiny', 'static'] as const satisfies readonly AppMode[]

export function isAppMode(text: string): text is AppMode {
  return Object.hasOwn(APP_MODES, text)
}

export function isSupportedAppMode(mode: AppMode): boolean {
  return (SUPPORTED_APP_MODES as readonly AppMode[]).includes(mode)
}

/** Job tag of a running process of the mode. Source: publisher-api 2.2, Job. */
export function runTag(mode: AppMode): string {
  if (mode === 'shiny') return 'run_app'
  if (mode === 'python-api') return 'run_python_api'
  return 'unknown'
}
