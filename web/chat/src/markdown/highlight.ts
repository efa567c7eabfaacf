/** Colours for code. The highlighter is loaded when the first code block appears. */
import { signal } from '@preact/signals'
import type { HLJSApi } from 'highlight.js'
import { escapeHtml } from './safe-html.ts'

/** Set once it is there, so that what is on the page is painted again. */
export const highlighter = signal<HLJSApi | null>(null)
let loading = false

/** More is left plain: it would take longer than a frame. */
const CHARACTERS_MAX = 60_000

/** Escaped HTML of a piece of code. */
export function highlight(code: string, language: string, charactersMax = CHARACTERS_MAX): string {
  const api = highlighter.value
  if (api === null) {
    load()
    return escapeHtml(code)
  }
  if (code.length > charactersMax || api.getLanguage(language) === undefined) {
    return escapeHtml(code)
  }
  return api.highlight(code, { language, ignoreIllegals: true }).value
}

function load(): void {
  if (loading) return
  loading = true
  import('highlight.js/lib/common').then(
    ({ default: api }) => (highlighter.value = api),
    () => (loading = false) // offline, or a new build: plain code, and another try with the next
  )
}
