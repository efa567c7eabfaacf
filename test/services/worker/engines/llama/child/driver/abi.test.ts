/**
 * llama.cpp's interface as it is written down here, against the header of the very release whose
 * libraries are installed: it ships with them, in a bundle of git.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'
import { assertStructs } from '../../../../../../../services/worker/engines/llama/child/driver/api/llama-abi.ts'
import {
  fieldsOf,
  PROTOTYPES,
  STRUCTS
} from '../../../../../../../services/worker/engines/llama/child/driver/api/llama-api.ts'
import { chooseLlama } from '../../../../../../../services/worker/engines/llama/child/driver/api/llama-libraries.ts'
import { tempDir } from '../../engines.ts'

const main = fileURLToPath(import.meta.resolve('node-llama-cpp'))
const bundle = join(dirname(main), '../llama/gitRelease.bundle')
const repository = join(await tempDir({ after }), 'llama')
execFileSync('git', ['clone', '--quiet', '--bare', bundle, repository], { stdio: 'ignore' })
const header = execFileSync('git', ['-C', repository, 'show', 'HEAD:include/llama.h'], {
  encoding: 'utf8',
  maxBuffer: 1 << 24
})
  .replace(/\/\/.*$/gm, '')
  .replace(/\s+/g, ' ')

/** A type of C as koffi is told it: enums are ints, and every pointer is one. */
function typeOf(text: string): string {
  if (/\*|callback|_t$/.test(text) && !/^(u?int\d+_t|size_t)$/.test(text)) return 'void *'
  if (text.startsWith('enum ')) return 'int32_t'
  return text.replace(/^(struct|const) /, '').replace(/^llama_(token|pos|seq_id)$/, 'int32_t')
}

for (const [name, fields] of Object.entries(STRUCTS)) {
  test(`struct ${name} has the fields of the header, in their order`, () => {
    const [, body] = new RegExp(`struct ${name} \\{([^{}]*)\\}`).exec(header)!
    const expected = body!
      .split(';')
      .map((field) => field.trim())
      .filter((field) => field !== '')
      .map((field) => {
        const [, type, field_] = /^(.*?)\s*(\w+)$/.exec(field.replace(/\s*\*+\s*/, '* '))!
        return [field_!, typeOf(type!.trim())]
      })
    assert.deepEqual(Object.entries(fieldsOf(fields)), expected)
  })
}

test('every function has as many parameters as in the header', () => {
  for (const [name, prototype] of Object.entries(PROTOTYPES)) {
    const found = new RegExp(`\\b${name} ?\\(([^()]*)\\)`).exec(header)
    assert.ok(found !== null, name)
    const count = (list: string) => (/^\s*(void)?\s*$/.test(list) ? 0 : list.split(',').length)
    assert.equal(count(/\((.*)\)/.exec(prototype)![1]!), count(found[1]!), name)
  }
})

test('a field that came, went or moved is seen before anything is loaded', () => {
  const { api } = chooseLlama(false, () => {})
  assertStructs(api)
  const shifted = () => ({ ...api.llama_context_default_params(), n_batch: 512 })
  const wrong = { ...api, llama_context_default_params: shifted }
  assert.throws(() => assertStructs(wrong), /llama_context_params\.n_batch is 512 and not 2048/)
})

test(
  'what C writes of the structs is what they are held to be',
  { skip: process.arch !== 'x64' },
  () => {
    chooseLlama(false, () => {})
    const sizes = { llama_model_params: 80, llama_context_params: 160, llama_batch: 56 }
    for (const [name, size] of Object.entries(sizes)) assert.equal(koffi.sizeof(name), size, name)
  }
)
