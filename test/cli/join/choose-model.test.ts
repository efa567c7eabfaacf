import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SharedModel } from '#shared/contracts/peers/peers.ts'
import { chooseModel } from '../../../cli/join/choose-model.ts'
import { holdableModels } from '../../../cli/join/fitting-models.ts'

const GB = 1e9
const HUB = 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M'

const shared = (name: string, more: Partial<SharedModel> = {}): SharedModel => ({
  name,
  workers: 1,
  source: HUB,
  sizeBytes: 2.5 * GB,
  ...more
})

const nobody = { bytesFree: 8 * GB, ask: null }

test('a machine that joins takes the model of the mesh that fits, under the name of the mesh', async () => {
  const big = shared('big', { sizeBytes: 30 * GB, workers: 5 })
  const { argument, says } = await chooseModel([big, shared('chat')], nobody)
  assert.equal(argument, `chat=${HUB}`)
  assert.match(says.join(), /takes chat \(3\.0 GB of memory\), as the mesh has it/)
})

test('the toy is taken only where nothing else can be, and why is said', async () => {
  const cases: [SharedModel[] | null, RegExp][] = [
    [null, /could not be asked/],
    [[shared('haif-tiny', { workers: 9 })], /no model that another machine could fetch/],
    [[{ name: 'file-of-a-machine', workers: 1 }], /no model that another machine could fetch/],
    [
      [shared('big', { sizeBytes: 100 * GB })],
      /big of the mesh needs about 120\.0 GB.*8\.0 GB are free/
    ]
  ]
  for (const [models, why] of cases) {
    const { argument, says } = await chooseModel(models, nobody)
    assert.equal(argument, 'builtin')
    assert.match(says.join('\n'), why)
    assert.match(says.join('\n'), /toy for install checks.*haif models load/)
  }
})

test('at a terminal a person chooses among those that fit, by number, name or URI', async () => {
  const asked: string[] = []
  const choose = async (typed: string) => {
    const ask = async (question: string) => {
      asked.push(question)
      return typed
    }
    return (await chooseModel([], { bytesFree: 4 * GB, ask })).argument
  }
  assert.equal(await choose('1'), 'qwen3-4b')
  assert.match(asked[0]!, /1 {2}qwen3-4b \(3\.9 GB of memory\)\n {2}2 {2}gemma3-4b/)
  assert.equal(await choose('hf:me/mine:Q8_0'), 'hf:me/mine:Q8_0')
  assert.equal(await choose('gemma3-1b'), 'gemma3-1b')
  for (const typed of ['', '99']) assert.equal(await choose(typed), 'builtin')
})

test('memory that was measured counts before a guess from the size, and an unknown one never fits', () => {
  const measured = shared('measured', { memory: { ramBytes: 9 * GB, vramBytes: 0 } })
  const unknown: SharedModel = { name: 'unknown', workers: 9, source: 'hf:me/mine' }
  const odd = shared('a/b c', { sizeBytes: GB })
  const found = holdableModels([unknown, measured, odd], 8 * GB)
  assert.deepEqual(
    found.map(({ argument, fits }) => [argument, fits]),
    [
      [HUB, true],
      ['unknown=hf:me/mine', false],
      [`measured=${HUB}`, false]
    ]
  )
  assert.deepEqual(holdableModels([shared('path', { source: '/etc/passwd' })], GB), [])
})
