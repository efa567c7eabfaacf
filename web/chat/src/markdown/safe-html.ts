/**
 * A model's text is data of a stranger. Three walls stand between it and the page:
 * raw HTML is shown as text, except for a few bare tags (here); DOMPurify then lets pass only the
 * elements, attributes and addresses that Markdown makes; and the page's Content-Security-Policy
 * runs no script and loads no image that is not its own.
 */
import purify from 'dompurify'

/** Without attributes they can do nothing but look like themselves. */
const BARE_TAGS = /^<(\/?)(br|sub|sup|kbd|b|i|em|strong|u|s|del|mark|small)\s*\/?>$/i
const TAG_OR_SPECIAL = /<\/?[a-z][a-z0-9]*\s*\/?>|[&<>"']/gi
const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!)

/** Text of Markdown, where an entity stands for its character. */
export const escapeText = (text: string): string =>
  text.replaceAll(
    /&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,30});)|[<>"']/gi,
    (found) => ESCAPES[found]!
  )

/** HTML in Markdown: bare tags of the list stay tags, everything else becomes readable text. */
export function showHtml(raw: string): string {
  return raw.replaceAll(TAG_OR_SPECIAL, (found) => {
    const [, slash, name] = BARE_TAGS.exec(found) ?? []
    return name === undefined ? escapeHtml(found) : `<${slash}${name.toLowerCase()}>`
  })
}

/** Only addresses that a click may open; null: the text alone is shown. */
export function safeAddress(href: string): string | null {
  try {
    const { protocol } = new URL(href)
    return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : null
  } catch {
    return null // relative: it would point into this page's own origin
  }
}

const ALLOWED_TAGS =
  'a b blockquote br button code del div em h1 h2 h3 h4 h5 h6 hr i input kbd li mark ol p pre s ' +
  'small span strong sub sup table tbody td th thead tr u ul'
/** Formulas: elements that say what something is, and do nothing. */
const MATH_TAGS =
  'math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover ' +
  'mtable mtr mtd'
const MATH_ATTR = 'display displaystyle mathvariant stretchy largeop linethickness accent width'
/** The purifier reads the value of every other attribute as an address, and drops what is none. */
const PLAIN_ATTR = [
  ...'align checked class disabled rel role start tabindex target title type'.split(' '),
  ...MATH_ATTR.split(' ')
]

/** Trusted Types: the page's policy takes HTML from here and from nowhere else. */
export function sanitise(html: string): string {
  const clean: unknown = purify.sanitize(html, {
    ALLOWED_TAGS: [...ALLOWED_TAGS.split(' '), ...MATH_TAGS.split(' ')],
    ALLOWED_ATTR: [...PLAIN_ATTR, 'href'],
    ADD_URI_SAFE_ATTR: PLAIN_ATTR,
    ALLOW_ARIA_ATTR: true,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_TRUSTED_TYPE: true
  })
  return clean as string // or a TrustedHTML, which `innerHTML` takes just the same
}
