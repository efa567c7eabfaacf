import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unknownModels } from '../../../cli/ask/note-models.ts'

test('a limit to a model that nobody holds is questioned', () => {
  assert.deepEqual(unknownModels(['qwen3-4n', 'alias', 'sim'], ['qwen3-4b', 'sim']), [
    'no worker holds qwen3-4n now; did you mean qwen3-4b?',
    'no worker holds alias now'
  ])
})
