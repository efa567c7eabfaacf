/** Markdown to HTML that is safe to show. */
import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked'
import { highlight } from './highlight.ts'
import { escapeHtml, escapeText, safeAddress, sanitise, showHtml } from './safe-html.ts'
import { mathOf } from './tex/tex.ts'

/** Code that still grows is painted again in each frame, so only while it is short. */
const GROWING_CHARACTERS_MAX = 4000
/** Links open beside the page, and their owners learn nothing of it. */
const ELSEWHERE = 'target="_blank" rel="noopener noreferrer nofollow"'

let growing = false

/**
 * Formulas in TeX come before everything else: Markdown would take the backslash of `\\(` for its
 * own, and underscores and stars inside for emphasis. Of prices, as `$5 and $6`, none is made.
 */
const INLINE =
  /^(?:\\\(([^]+?)\\\)|\\\[([^]+?)\\\]|\$\$([^$]+)\$\$|\$(?![\s$])((?:\\.|[^\\$\n])+?)(?<!\s)\$(?!\d))/
/** A formula of its own; one that still grows may not be taken for a list or a heading. */
const BLOCK =
  /^(?:\\\[((?:(?!\n\s*\n)[^])+?)(?:\\\]|$)|\$\$((?:(?!\n\s*\n)[^$])+?)(?:\$\$|$))[ \t]*(?:\n+|$)/

const formula: TokenizerAndRendererExtension = {
  name: 'formula',
  level: 'inline',
  start: (text) => /\\[([]|\$/.exec(text)?.index,
  tokenizer(text) {
    const [raw, within, ofItsOwn = '', doubled] = INLINE.exec(text) ?? []
    if (raw === undefined) return undefined
    const [, , , , single = ''] = INLINE.exec(text)!
    const tex = within ?? doubled ?? (single || ofItsOwn)
    const isDisplay = within === undefined && single === ''
    return { type: 'formula', raw, tex, isDisplay }
  },
  renderer: ({ raw, tex, isDisplay }) => formulaHtml(raw, String(tex), isDisplay === true)
}

const formulaBlock: TokenizerAndRendererExtension = {
  name: 'formulaBlock',
  level: 'block',
  start: (text) => /(?:^|\n)(?:\\\[|\$\$)/.exec(text)?.index,
  tokenizer(text) {
    const [raw, bracketed, doubled = ''] = BLOCK.exec(text) ?? []
    return raw === undefined ? undefined : { type: 'formulaBlock', raw, tex: bracketed ?? doubled }
  },
  renderer: ({ raw, tex }) => `<p>${formulaHtml(raw.trim(), String(tex), true)}</p>`
}

/** What is not known stays as it was written. */
function formulaHtml(raw: string, tex: string, isDisplay: boolean): string {
  const math = /(?:\\\]|\\\)|\$)$/.test(raw) ? mathOf(tex, isDisplay) : null
  if (math === null) return `<code class="formula">${escapeHtml(raw)}</code>`
  return `<span class="math" title="${escapeHtml(tex.trim())}">${math}</span>`
}

const marked = new Marked({
  extensions: [formula, formulaBlock],
  gfm: true,
  breaks: false,
  renderer: {
    html: ({ text }) => showHtml(text),
    // Marked leaves text beside some raw tags as it is; here all of it is escaped.
    text(token) {
      return 'tokens' in token && token.tokens !== undefined
        ? this.parser.parseInline(token.tokens)
        : escapeText(token.text)
    },
    code: ({ text, lang }) => codeBlock(text, lang ?? ''),
    link({ href, title, tokens }) {
      const text = this.parser.parseInline(tokens)
      const address = safeAddress(href)
      if (address === null) return `${text} <span class="blocked">(link not shown)</span>`
      const tip = escapeHtml(title ?? address)
      return `<a href="${escapeHtml(address)}" title="${tip}" ${ELSEWHERE}>${text}</a>`
    },
    // Loading an image tells a stranger who reads what; its address alone is shown.
    image({ href, text }) {
      const label = escapeHtml(text === '' ? 'image' : text)
      const address = safeAddress(href)
      if (address === null) return `<span class="blocked">[${label}: image not shown]</span>`
      const link = `<a href="${escapeHtml(address)}" ${ELSEWHERE}>open</a>`
      return `<span class="blocked">[${label}: image not shown, ${link}]</span>`
    },
    table(token: Tokens.Table) {
      const row = (cells: Tokens.TableCell[]) =>
        `<tr>${cells.map((cell) => this.tablecell(cell)).join('')}</tr>`
      const body = token.rows.map((cells) => row(cells)).join('')
      const table = `<table><thead>${row(token.header)}</thead><tbody>${body}</tbody></table>`
      return `<div class="table" tabindex="0" role="region" aria-label="Table">${table}</div>`
    }
  }
})

function codeBlock(code: string, info: string): string {
  const language = /^[\w+#-]{1,20}/.exec(info)?.[0] ?? ''
  const html = highlight(code, language.toLowerCase(), growing ? GROWING_CHARACTERS_MAX : undefined)
  return (
    `<div class="code"><div class="code-head"><span>${escapeHtml(language || 'text')}</span>` +
    `<button type="button" class="copy" aria-label="Copy code">Copy</button></div>` +
    `<pre tabindex="0"><code class="hljs">${html}\n</code></pre></div>`
  )
}

export const parse = (text: string): Token[] => marked.lexer(text)

/** `isGrowing`: more of it is still to come. */
export function renderToken(token: Token, isGrowing: boolean): string {
  growing = isGrowing
  return sanitise(marked.parser([token]))
}
