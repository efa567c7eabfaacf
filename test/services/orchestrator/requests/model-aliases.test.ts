import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ModelAliases } from '../../../../services/orchestrator/requests/model-aliases.ts'

const aliases = new ModelAliases([
  ['fast', ['small', 'tiny']],
  ['claude-*-haiku', ['small']],
  ['claude-*', ['large']],
  ['a.b*', ['dotted']]
])
const nobody = () => false

test('an alias stands for its models, and any other name for itself', () => {
  assert.deepEqual(aliases.modelsFor('fast', nobody), ['small', 'tiny'])
  assert.deepEqual(aliases.modelsFor('faster', nobody), ['faster'])
})

test('a star stands for any text, and the first pattern counts', () => {
  assert.deepEqual(aliases.modelsFor('claude-5-haiku', nobody), ['small'])
  assert.deepEqual(aliases.modelsFor('claude-opus-5', nobody), ['large'])
  assert.deepEqual(aliases.modelsFor('claude-', nobody), ['large'])
  assert.deepEqual(aliases.modelsFor('my-claude-5', nobody), ['my-claude-5'])
})

test('signs of regular expressions are ordinary characters', () => {
  assert.deepEqual(aliases.modelsFor('a.bc', nobody), ['dotted'])
  assert.deepEqual(aliases.modelsFor('axbc', nobody), ['axbc'])
})

test('a pattern hides no model of that name, an exact alias does', () => {
  const held = (name: string) => name === 'claude-local' || name === 'fast'
  assert.deepEqual(aliases.modelsFor('claude-local', held), ['claude-local'])
  assert.deepEqual(aliases.modelsFor('fast', held), ['small', 'tiny'])
})
