/**
 * The grammars of calls, as llama.cpp reads grammars: each takes what the models of its family
 * write, in `auto` from the first mark of a call on and in `required` from the start.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { getLlama, type Llama, type LlamaModel } from 'node-llama-cpp'
import {
  AnswerParts,
  type AnswerPartsOptions,
  type Forced
} from '../../../../../../../services/worker/engines/llama/child/answer/answer-parts.ts'
import { JsonGrammars } from '../../../../../../../services/worker/engines/llama/child/answer/json-grammar.ts'
import { TokenText } from '../../../../../../../services/worker/engines/llama/child/answer/token-text.ts'
import type { CallableTool } from '../../../../../../../services/worker/engines/llama/child/format/output-format.ts'
import { Marks } from '../../../../../../../services/worker/engines/llama/child/format/marks.ts'
import { LibraryGrammars } from '../../../../../../../services/worker/engines/llama/child/library/library-grammar.ts'
import { LibraryVocabulary } from '../../../../../../../services/worker/engines/llama/child/library/library-vocabulary.ts'
import type {
  Token,
  Vocabulary
} from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import { writeRandomModel } from '../../../../../../../tools/haif-tiny/gguf/random-model.ts'
import {
  FAMILIES,
  RECORDED_TOOLS,
  STANDARD,
  type Family,
  type Recorded
} from '../../../../../../helpers/recorded/recorded.ts'
import { formatOf } from '../../../../../../helpers/recorded/formats.ts'

const folder = mkdtempSync(join(tmpdir(), 'haif-grammars-'))
let llama: Llama
let model: LlamaModel
let vocabulary: LibraryVocabulary
let grammars: JsonGrammars
let tools: CallableTool[]
const bound = new Map<Family, Pick<AnswerPartsOptions, 'format' | 'marks' | 'isEnd'>>()

before(async () => {
  const file = join(folder, 'vocabulary.gguf')
  const marks = new Set(FAMILIES.flatMap(({ control }) => control))
  marks.delete('<|im_end|>') // it is in every vocabulary that is written here
  writeRandomModel(file, { controlTokens: [...marks] })
  llama = await getLlama({ gpu: false, build: 'never' })
  model = await llama.loadModel({ modelPath: file, vocabOnly: true })
  vocabulary = new LibraryVocabulary(model)
  grammars = new JsonGrammars(new LibraryGrammars(llama, model))
  tools = RECORDED_TOOLS.map((tool) => ({
    ...tool,
    argumentsGrammar: grammars.argumentsOf(tool),
    argumentRules: () => grammars.argumentRulesOf(tool)
  }))
})
after(async () => {
  await llama.dispose()
  rmSync(folder, { recursive: true })
})

interface Facts {
  family: Family
  recorded: Pick<Recorded, 'output' | 'opened'>
  forced: Forced | null
}

/** Made once for all outputs of a family, as a model's process does. */
function boundTo(family: Family) {
  const known = bound.get(family)
  if (known !== undefined) return known
  const isEnd = (token: Token) =>
    family.ends.includes(vocabulary.detokenize([token], { special: true }))
  const tokenize: Vocabulary['tokenize'] = (text, how) => vocabulary.tokenize(text, how)
  const detokenize: Vocabulary['detokenize'] = (all, how) => vocabulary.detokenize(all, how)
  const marks = new Marks(vocabulary)
  const format = formatOf(family, { tokenize, detokenize, isEog: isEnd }).bind(marks)
  const made = { format, marks, isEnd }
  bound.set(family, made)
  return made
}

/** Returns how many tokens the grammar took, and the first text that it refused. */
function follow({ family, recorded, forced }: Facts) {
  const thought = recorded.opened ? ('open' as const) : ('free' as const)
  const options = { ...boundTo(family), grammars, thought, tools, forced }
  const parts = new AnswerParts({ ...options, promptTokens: [], parallel: true })
  const text = new TokenText(parts.detokenize, [])
  let taken = 0
  let said = ''
  for (const token of vocabulary.tokenize(recorded.output, { special: true })) {
    const { grammar } = parts
    if (parts.isDone) break
    const piece = vocabulary.detokenize([token], { special: true })
    if (grammar !== undefined && !parts.isThinking) {
      if (!grammar.allows(token)) return { taken, refused: `${said.slice(-40)} | ${piece}` }
      grammar.accept(token)
      taken++
    }
    said += piece
    parts.push(text.push(token))
  }
  const mayEnd = parts.isDone || parts.grammar?.allows(model.tokens.eos!) === true
  return { taken, refused: mayEnd ? null : `${said.slice(-40)} | the end` }
}

const isLike = new Set<string>()
/** Families that share a template's form are tried once. */
const tried = FAMILIES.filter(({ outputs }) => {
  const key = outputs.map(({ output }) => output).join('\n')
  return !isLike.has(key) && isLike.add(key)
})

for (const family of tried) {
  suite(`the grammar of ${family.name}`, () => {
    for (const recorded of family.outputs) {
      const { title, calls, content } = recorded
      if (calls.length === 0 || !(title in STANDARD)) continue
      test(title, () => {
        const forced = content === '' ? [null, { kind: 'calls' as const }] : [null]
        for (const each of forced) {
          const { taken, refused } = follow({ family, recorded, forced: each })
          assert.equal(refused, null, each === null ? 'auto' : 'required')
          assert.ok(taken > 4, `${taken} tokens were taken`)
        }
      })
    }
  })
}

test('a call that no tool takes is refused', () => {
  const wrong: [family: string, title: string, from: string, to: string][] = [
    ['Qwen3', 'call', '"days": 3', '"days": "3"'],
    ['Qwen3.5', 'call', '\n3\n', '\nthree\n'],
    ['Qwen3-Coder', 'calls', 'function=run', 'function=fly'],
    ['GLM-4.6', 'call', '<arg_key>days', '<arg_key>hours'],
    ['MiniMax-M2', 'call', '>true<', '>maybe<'],
    ['MiniMax-M3', 'call', '<item>1', '<item>one'],
    ['DeepSeek V3.2', 'call', 'name="days" string="false"', 'name="days" string="true"'],
    ['Kimi-K2', 'calls', 'functions.run', 'functions.fly'],
    ['Kimi-K3', 'call', 'key="days" type="number"', 'key="days" type="string"'],
    ['Gemma 4', 'call', 'days:3', 'days:<|"|>3<|"|>'],
    ['FunctionGemma', 'call', 'exact:true', 'exact:yes'],
    ['LFM2.5', 'call', 'days=3', "days='3'"]
  ]
  for (const [name, title, from, to] of wrong) {
    const family = FAMILIES.find((each) => each.name === name)!
    const recorded = family.outputs.find((each) => each.title === title)!
    assert.ok(recorded.output.includes(from), name)
    const output = recorded.output.replace(from, to)
    const forced = { kind: 'calls' as const }
    const { refused } = follow({ family, recorded: { ...recorded, output }, forced })
    assert.notEqual(refused, null, `${name}: ${to}`)
  }
})
