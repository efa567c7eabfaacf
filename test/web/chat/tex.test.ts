/** Formulas of TeX as MathML. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mathOf } from '../../../web/chat/src/markdown/tex/tex.ts'

const t = String.raw

/** Without the `math` around it. */
function inner(tex: string): string {
  const math = mathOf(tex, false)
  assert.ok(math !== null, tex)
  return math.replace(/^<math>(.*)<\/math>$/, '$1')
}

test('letters, numbers, signs and scripts', () => {
  assert.equal(
    inner('E = mc^2'),
    '<mrow><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow>'
  )
  assert.equal(inner("f'"), '<msup><mi>f</mi><mo>′</mo></msup>')
  assert.equal(
    inner(t`x_{i,j}^{2n}`),
    '<msubsup><mi>x</mi><mrow><mi>i</mi><mo>,</mo><mi>j</mi></mrow>' +
      '<mrow><mn>2</mn><mi>n</mi></mrow></msubsup>'
  )
  assert.equal(inner(t`\alpha \le 3{,}5`), inner(t`\alpha\leq3{,}5`))
})

test('fractions, roots, sums and brackets that grow', () => {
  assert.equal(inner(t`\frac{1}{2}`), '<mfrac><mn>1</mn><mn>2</mn></mfrac>')
  assert.equal(inner(t`\frac12`), inner(t`\frac{1}{2}`))
  assert.equal(inner(t`\sqrt[3]{x}`), '<mroot><mi>x</mi><mn>3</mn></mroot>')
  assert.equal(
    inner(t`\sum_{i=1}^n i`),
    '<mrow><munderover><mo largeop="true">∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow>' +
      '<mi>n</mi></munderover><mi>i</mi></mrow>'
  )
  assert.equal(inner(t`\left(x\right.`), '<mrow><mo stretchy="true">(</mo><mi>x</mi></mrow>')
  assert.match(inner(t`\lim_{x \to 0} \sin x`), /^<mrow><munder><mi>lim<\/mi>.*<mi>sin<\/mi>/)
})

test('matrices, cases and lines that stand against each other', () => {
  const matrix = inner(t`\begin{pmatrix} a & b \\ c & d \\ \end{pmatrix}`)
  assert.equal(matrix.match(/<mtr>/g)?.length, 2)
  assert.match(matrix, /^<mrow><mo stretchy="true">\(<\/mo><mtable class="grid">/)
  assert.match(inner(t`\begin{cases} 1 & x > 0 \\ 0 \end{cases}`), /class="cases"/)
  assert.match(inner(t`\begin{aligned} a &= b \\ &= c \end{aligned}`), /class="aligned"/)
  assert.match(inner(t`a \\ b`), /^<mtable/)
})

test('text, words and alphabets', () => {
  assert.match(inner(t`x \text{ if } y`), /<mtext>\u00A0if\u00A0<\/mtext>/)
  assert.equal(inner(t`\operatorname{softmax}`), '<mi mathvariant="normal">softmax</mi>')
  assert.equal(inner(t`\mathbb{R}^n`), '<msup><mi>ℝ</mi><mi>n</mi></msup>')
  assert.equal(inner(t`\mathbf{A}`), `<mi>${String.fromCodePoint(0x1d400)}</mi>`)
  assert.equal(inner(t`\mathcal L`), '<mi>ℒ</mi>')
  assert.match(inner(t`\hat{\beta}`), /<mover accent="true"><mi>β<\/mi>/)
})

test('what is not known, or never closed, is no formula', () => {
  for (const tex of [
    t`\unheard{x}`,
    '{x',
    'x}',
    t`\frac{1}`,
    t`\begin{tikz}x\end{tikz}`,
    t`\left(x`,
    'a & b }',
    'x^'
  ]) {
    assert.equal(mathOf(tex, true), null, tex)
  }
  assert.equal(mathOf('{'.repeat(2000), false), null, 'no stack is used up')
})

test('whatever is written, nothing of it becomes an element', () => {
  const parts = fc.constantFrom(
    '<',
    '>',
    '&',
    '"',
    '<script>',
    '\\text{',
    '}',
    '^',
    '\\frac',
    'x',
    '{',
    '\\left',
    '(',
    '\\begin{matrix}',
    '\\mathbf',
    '$',
    '\\'
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), (words) => {
      const math = mathOf(words.join(''), false) ?? ''
      assert.doesNotMatch(math, /<(?!\/?m[a-z]+[ >])|<script|&(?!amp;|lt;|gt;|quot;|#39;)/)
    })
  )
})
