import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { affinityOf } from '../../../../services/orchestrator/prefixes/affinity.ts'
import {
  BLOCK_CHARACTERS,
  PrefixIndex
} from '../../../../services/orchestrator/prefixes/prefix-index.ts'
import { TOKEN_CHARACTERS } from '#shared/inference/prompt-size.ts'

const BLOCKS = 3
const prompt = (question: string): InferenceInput => ({
  mode: 'direct',
  prompt: 'x'.repeat(BLOCKS * BLOCK_CHARACTERS) + question
})

test('F15: a prompt follows only those of its own scope', () => {
  const deps = { prefixes: new PrefixIndex(), hints: null }
  affinityOf(deps, 'm', prompt('one'), 'acme').remember('w')
  assert.deepEqual(affinityOf(deps, 'm', prompt('two'), 'acme').affine, ['w'])
  assert.deepEqual(affinityOf(deps, 'm', prompt('two'), 'other').affine, [])
  assert.deepEqual(affinityOf(deps, 'm', prompt('two')).affine, [])
})

test('a prompt follows the worker that has seen its beginning, with hints and without', () => {
  const gathered: unknown[] = []
  const hints = { gather: (...given: unknown[]) => void gathered.push(given) }
  for (const shared of [null, hints]) {
    const deps = { prefixes: new PrefixIndex(), hints: shared }
    const first = affinityOf(deps, 'm', prompt('one'))
    assert.deepEqual([first.affine, first.cachedTokens('w')], [[], 0])
    first.remember('w')
    const next = affinityOf(deps, 'm', prompt('two'))
    assert.deepEqual(next.affine, ['w'])
    assert.equal(next.cachedTokens('w'), (BLOCKS * BLOCK_CHARACTERS) / TOKEN_CHARACTERS)
    assert.equal(next.cachedTokens('v'), 0)
    next.remember('w')
  }
  assert.deepEqual(
    gathered.map((given) => (given as [number[], number, string]).slice(1)),
    [
      [0, 'w'],
      [BLOCKS, 'w']
    ]
  )
})
