/**
 * node evaluate.ts [file.gguf] [--failures]
 *
 * Asks a trained model what it has not seen in training and prints a table. Decoding is greedy, so
 * the table is the same on every run; only the speed below it is not.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openModel, type Answer } from './ask.ts'
import { makeDepthGroup, makeGroups, type Check, type Group } from './evaluation/checks.ts'

const SEED = 99 // not one of the corpus
const DEPTHS_TOKENS = [100, 200, 300, 400, 450, 600, 800]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { failures: { type: 'boolean', default: false } }
})
const shipped = fileURLToPath(
  new URL('../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
)
const model = await openModel(positionals[0] ?? shipped)

const ask = ({ messages, bare }: Check): Promise<Answer> =>
  bare ? model.complete(messages.at(-1)![1]) : model.chat(messages)

const passes = ({ expected }: Check, { text }: Answer): boolean =>
  typeof expected === 'string' ? text === expected : expected.test(text)

let answerTokens = 0

async function run({ name, checks }: Group): Promise<void> {
  let passed = 0
  let tokens = 0
  let promptTokens = 0
  for (const check of checks) {
    const answer = await ask(check)
    tokens += answer.tokens
    promptTokens += answer.promptTokens
    if (passes(check, answer)) passed++
    else if (values.failures) console.log(`   ${check.messages.at(-1)![1]} -> ${answer.text}`)
  }
  answerTokens += tokens
  const mean = (total: number) => String(Math.round(total / checks.length))
  const score = `${passed}/${checks.length}`
  console.log(
    `| ${name.padEnd(40)} | ${score.padStart(8)} | ${mean(promptTokens).padStart(6)} | ${mean(tokens).padStart(6)} |`
  )
}

console.log(`| ${'check'.padEnd(40)} | ${'passed'.padStart(8)} | prompt | answer |`)
console.log('|---|---:|---:|---:|')
const started = performance.now()
for (const group of makeGroups(SEED)) await run(group)
for (const depth of DEPTHS_TOKENS) await run(makeDepthGroup(SEED, depth))
const seconds = (performance.now() - started) / 1000
console.log(`\n${Math.round(answerTokens / seconds)} tokens/s on one thread, prompts included`)
await model.close()
