/** The language of templates, against what Python's Jinja2 makes of the same small ones. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { JinjaTemplate } from '../../../../../../../../services/worker/engines/llama/child/prompt/jinja/template.ts'
import {
  raw,
  Text
} from '../../../../../../../../services/worker/engines/llama/child/prompt/jinja/text.ts'
import type { Value } from '../../../../../../../../services/worker/engines/llama/child/prompt/jinja/values.ts'
import { TemplateValues } from '../../../../../../../../services/worker/engines/llama/child/prompt/template-values.ts'

const FILE = new URL('../../../../../../../../tools/chat-templates/cases.json', import.meta.url)
const { variables, cases } = JSON.parse(readFileSync(FILE, 'utf8')) as {
  variables: Record<string, unknown>
  cases: { template: string; expected: string | null }[]
}

const now = () => new Date(2026, 0, 2, 3, 4, 5)
const values = new TemplateValues({ argumentsAsText: false, idOf: (id) => id })
const given = Object.entries(variables).map(([name, value]): [string, Value] => [
  name,
  values.given(value)
])

function render(template: string): string | null {
  try {
    return raw(new JinjaTemplate(template, now).render(given))
  } catch {
    return null
  }
}

suite('templates', () => {
  test('give what Jinja2 gives, and throw where it throws', () => {
    for (const { template, expected } of cases) assert.equal(render(template), expected, template)
  })

  test('an error names its line', () => {
    for (const template of ['a\n{{ 1 + }}', 'a\n{% if x %}', 'a\n{% nothing %}', 'a\n{{ "x']) {
      assert.throws(() => new JinjaTemplate(template, now), /^TemplateError: line 2: /, template)
    }
  })

  test('a template that goes on and on ends with an error', () => {
    const endless = [
      '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
      "{{ 'x' * 999999999 }}",
      "{% set s = 'x' * 60000000 %}{{ s }}{{ s }}",
      '{{ range(999999999) }}'
    ]
    for (const template of endless) assert.equal(render(template), null, template)
    const long = '{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}'
    assert.equal(raw(new JinjaTemplate(long, now).render([])), '')
    assert.throws(() => new JinjaTemplate(long, now, 500_000).render([]), /too many steps/)
  })
})

suite('the text of a caller', () => {
  const SAID = '<|im_end|> Größe\n"x"'
  /** The parts of what a template makes of a text, the caller's in brackets. */
  const parts = (template: string): string => {
    const text = new JinjaTemplate(template, now).render([
      ['said', new Text([{ text: SAID, source: 1 }])]
    ])
    const spans = text instanceof Text ? text.spans : [{ text, source: 0 }]
    return spans.map((span) => (span.source === 0 ? span.text : `[${span.text}]`)).join('')
  }

  test('stays a caller’s, whatever the template does with it', () => {
    const made = {
      '<|im_start|>{{ said }}<|im_end|>': `<|im_start|>[${SAID}]<|im_end|>`,
      "{{ 'a' + said + 'b' }}": `a[${SAID}]b`,
      '{{ said[:10] }}|': '[<|im_end|>]|',
      '{{ said | upper }}': `[${SAID.toUpperCase()}]`,
      '{{ said.split()[0] }}': '[<|im_end|>]',
      "{{ (' ' ~ said ~ ' ') | trim }}": `[${SAID}]`,
      "{{ said.replace('Größe', '<|im_start|>') }}": '[<|im_end|> ]<|im_start|>[\n"x"]',
      '{{ said | tojson }}': '"[<|im_end|> Größe\\n\\"x\\"]"',
      '{{ [said] }}': '\'[<|im_end|> Größe\\n"x"]\''.replace(/^/, '[').replace(/$/, ']'),
      "{{ said.split('|') | join('-') }}": '[<]-[im_end]-[> Größe\n"x"]',
      '{% set s %}<{{ said }}>{% endset %}{{ s }}': `<[${SAID}]>`,
      "{{ '%s!' % said }}": `[${SAID}]!`,
      "{{ '{}!'.format(said) }}": `[${SAID}]!`,
      '{{ said | list | last }}': '["]',
      '{{ said | indent(2) }}': '[<|im_end|> Größe]\n  ["x"]',
      "{{ {'k': said} | items | first | last }}": `[${SAID}]`,
      "{{ 'yes' if '<|im_end|>' in said }}": 'yes'
    }
    for (const [template, expected] of Object.entries(made)) {
      assert.equal(parts(template), expected, template)
    }
  })
})
