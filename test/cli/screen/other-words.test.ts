import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addModelsCommand } from '../../../cli/commands/operating/models.ts'
import { otherWords } from '../../../cli/screen/other-words.ts'

test('words of other programs are commands of this one', () => {
  const program = new Command()
  addModelsCommand(program)
  const [models] = program.commands
  for (const word of ['ls', 'list', 'ps', 'pull', 'rm', 'show', 'stop']) {
    const [room, name] = otherWords(word)
    assert.equal(room, 'models')
    assert.ok(
      models!.commands.some((each) => each.name() === name),
      word
    )
  }
  assert.deepEqual(otherWords('serve'), ['up'])
  for (const word of ['version', '-v']) assert.deepEqual(otherWords(word), ['--version'])
  assert.deepEqual(otherWords('infer'), ['infer'])
  assert.deepEqual(otherWords(undefined), [])
})
