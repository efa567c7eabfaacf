/** What a command has written, as an SVG that looks like a terminal. */
const FONT_PX = 13
const LINE_PX = 19
/** Of a monospaced letter. */
const LETTER_PX = FONT_PX * 0.602
const EDGE_PX = 18

export function terminalPicture(command: string, output: string): string {
  const lines = [command, ...output.trimEnd().split('\n')]
  const letters = Math.max(...lines.map(({ length }) => length))
  const width = Math.ceil(letters * LETTER_PX + 2 * EDGE_PX)
  const height = lines.length * LINE_PX + 2 * EDGE_PX
  const texts = lines.map((line, i) => {
    const y = EDGE_PX + (i + 0.75) * LINE_PX
    return `<text x="${EDGE_PX}" y="${y}"${styleOf(line, i)}>${escaped(line).replaceAll(' ', '\u00A0')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" \
height="${height}" role="img" aria-label="${escaped(command)}">
<rect width="100%" height="100%" rx="10" fill="#16191b"/>
<g fill="#d6d9d6" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" \
font-size="${FONT_PX}">
${texts.join('\n')}
</g>
</svg>
`
}

/** The command, and the headings of its parts. */
function styleOf(line: string, index: number): string {
  if (index === 0) return ' fill="#86d0b8"'
  return /^[A-Z]+$/.test(line.trim()) ? ' fill="#93c3ec" font-weight="600"' : ''
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
