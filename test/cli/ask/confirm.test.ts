import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { confirm, type Terminal } from '../../../cli/ask/confirm.ts'

/** What a person types, where one sits there. */
function terminal(typed: string | null) {
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== null })
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: typed !== null })
  if (typed !== null) stdin.write(`${typed}\n`)
  return { io: { stdin, stderr } as unknown as Terminal, said: () => stderr.read() as string }
}

const ASKED = { says: ['all will be closed'], question: 'Make it?', yes: false }

test('a person at the terminal has to agree, and hears first what happens', async () => {
  for (const typed of ['y', 'Yes', ' y ']) {
    const { io, said } = terminal(typed)
    await confirm(ASKED, io)
    assert.match(said(), /^all will be closed\n.*Make it\? \[y\/N\] /)
  }
  for (const typed of ['', 'n', 'yesterday']) {
    const refused = confirm(ASKED, terminal(typed).io)
    await assert.rejects(refused, { code: 'CANCELLED', message: 'nothing was changed' })
  }
})

test('a script and --yes are asked nothing, and what happens is said', async () => {
  const script = terminal(null)
  await confirm(ASKED, script.io)
  const sure = terminal('n')
  await confirm({ ...ASKED, yes: true }, sure.io)
  for (const { said } of [script, sure]) assert.equal(said(), 'all will be closed\n')
})
