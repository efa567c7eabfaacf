/** Minutes of random company: `HAIF_SOAK=1`, and `HAIF_SOAK_MINUTES` for another length than 10. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { GenerateRequest } from '../../../../../../../services/worker/engines/engine.ts'
import { xorshift } from '../../../../../../../tools/haif-tiny/gguf/xorshift.ts'
import { answer, direct, startEngine } from '../../engines.ts'

const isSoak = process.env['HAIF_SOAK'] === '1'
const MINUTES = Number(process.env['HAIF_SOAK_MINUTES'] ?? 10)
const USERS = 24
const SLOTS = 16
const SAMPLE_MS = 5_000
const FIRST_MINUTE_MS = Math.min(60_000, MINUTES * 20_000)

const QUESTIONS = Array.from({ length: 40 }, (_, i) => `Question ${i}: what is ${i} + ${i * 3}?`)
const greedy = (question: string): GenerateRequest => direct(question, { maxTokens: 30 })

/** Kinds of requests besides greedy ones. */
const OTHERS: ((question: string, seed: number) => GenerateRequest)[] = [
  (question, seed) => direct(question, { maxTokens: 40, sampling: { temperature: 0.9, seed } }),
  (question, seed) =>
    direct(question, {
      maxTokens: 40,
      sampling: { repeatPenalty: 1.2, frequencyPenalty: 0.5, seed }
    }),
  (question, seed) =>
    direct(question, {
      maxTokens: 40,
      sampling: { temperature: 1, seed },
      responseFormat: { type: 'json' }
    }),
  (question, seed) =>
    direct(question.repeat(20), {
      maxTokens: 3,
      logprobs: true,
      topLogprobs: 3,
      sampling: { seed }
    })
]

test(
  'random joins, leaves, aborts and grammars',
  { skip: !isSoak, timeout: 3_600_000 },
  async (t) => {
    const { engine, pid, events } = await startEngine({ after }, { slots: SLOTS })
    const alone = new Map<string, number[]>()
    for (const each of QUESTIONS) alone.set(each, (await answer(engine, greedy(each))).tokenIds)
    const endsAt = performance.now() + MINUTES * 60_000
    const counts = { greedy: 0, other: 0, aborted: 0 }

    const user = async (number: number): Promise<void> => {
      const random = xorshift(number + 1)
      const below = (count: number) => Math.floor(random() * count)
      while (performance.now() < endsAt) {
        const question = QUESTIONS[below(QUESTIONS.length)]!
        if (random() < 0.5) {
          const { tokenIds } = await answer(engine, greedy(question))
          assert.deepEqual(tokenIds, alone.get(question), question)
          counts.greedy++
          continue
        }
        const abort = new AbortController()
        const leaves = random() < 0.3
        if (leaves) void delay(below(30)).then(() => abort.abort(new Error('left')))
        try {
          await answer(engine, OTHERS[below(OTHERS.length)]!(question, below(1e6)), abort.signal)
          counts.other++
        } catch (error) {
          assert.equal((error as Error).message, 'left')
          counts.aborted++
        }
      }
    }
    const memory: number[] = []
    const sample = async (): Promise<void> => {
      await delay(FIRST_MINUTE_MS)
      while (performance.now() < endsAt) {
        memory.push(ownKilobytes(pid()))
        await delay(SAMPLE_MS)
      }
    }
    await Promise.all([sample(), ...Array.from({ length: USERS }, (_, i) => user(i))])
    t.diagnostic(`${JSON.stringify(counts)}, ${memory[0]} to ${memory.at(-1)} kB`)
    assert.equal(events.filter(({ kind }) => kind === 'exited').length, 0)
    assert.ok(Math.max(...memory) < memory[0]! * 1.05, `${memory.join(' ')} kB`)
  }
)

/** What the process has for itself: pages of files come and go as the system likes. */
function ownKilobytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1])
}
