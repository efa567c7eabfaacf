/** Draws random answers under the grammar of a schema, and checks each against the schema. */
import assert from 'node:assert/strict'
import process from 'node:process'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Schema } from '../../../../../../../services/worker/engines/llama/child/schema/references.ts'
import { grammarOf, randomAnswer } from './random-answers.ts'

/** `HAIF_SOAK=1` draws 50 answers for each schema. */
const ANSWERS = process.env['HAIF_SOAK'] === undefined ? 2 : 50

const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 8, logger: false })
addFormats.default(ajv)
// The specification wants an offset, which Zod's pattern forbids; and no grammar writes patterns.
ajv.addFormat('time', /^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/)
ajv.addFormat('regex', true)

type Check = (value: unknown) => string | null

/** `also` checks each value once more and says what is wrong with it. */
export function checkAnswers(name: string, schema: Schema, also: Check = () => null): void {
  const fits = ajv.compile(schema)
  const grammar = grammarOf(schema)
  const spelled = /"pattern":"(.*?)"[,}]/.exec(JSON.stringify(schema))?.[1] ?? ''
  for (let seed = 0; seed < ANSWERS; seed++) {
    const text = randomAnswer(grammar, seed, spelled.replaceAll(/[^ -~]|\\/g, ''))
    const value: unknown = JSON.parse(text)
    const problem = fits(value) ? also(value) : ajv.errorsText(fits.errors)
    assert.equal(problem, null, `${name}: ${text} for ${JSON.stringify(schema)}`)
  }
}
