import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import type { ReadStream } from 'node:tty'
import { lineSource } from '../../../cli/chat/line-source.ts'
import { asShown, asTyped, PasteReader } from '../../../cli/chat/terminal-input.ts'

/** A terminal as far as a chat uses it; what is typed is written to it. */
function startTerminal(history: string[] = []) {
  const raw: boolean[] = []
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => raw.push(isRaw)
  })
  let screen = ''
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      screen += chunk.toString()
      done()
    }
  })
  const entered: string[] = []
  const lines = lineSource(
    stdin as unknown as ReadStream,
    {
      output,
      history,
      onEntered: (shown) => entered.push(shown),
      completer: (line: string) => [line.startsWith('/mo') ? ['/model '] : [], line]
    },
    new AbortController().signal
  )
  const next = async () => {
    const line = await lines.next('> ')
    return line.kind === 'line' ? line.text : line.kind
  }
  return { stdin, next, entered, raw, screen: () => screen }
}

test('a paste of several lines is one question, whatever the chunks in which it comes', async () => {
  const { stdin, next, entered, screen } = startTerminal()
  const pasted = '\u001B[200~first line\rsecond line\n\tthird\u001B[201~'
  for (let size = 1; size <= pasted.length; size += 7) {
    const asked = next()
    for (let i = 0; i < pasted.length; i += size) stdin.write(pasted.slice(i, i + size))
    stdin.write(' – why?\r')
    assert.equal(await asked, 'first line\nsecond line\n\tthird – why?')
  }
  assert.equal(entered[0], 'first line␊second line␊␉third – why?')
  assert.match(screen(), /first line␊second line/)
  assert.ok(screen().includes('\u001B[?2004h') && screen().endsWith('\u001B[?2004l'))
})

test('lines that come at once without being a paste are all asked, one after the other', async () => {
  const { stdin, next } = startTerminal()
  stdin.write('first\rsecond\r\nthi')
  assert.equal(await next(), 'first')
  assert.equal(await next(), 'second')
  const last = next()
  stdin.write('rd\r')
  assert.equal(await last, 'third')
  const ended = next()
  stdin.end()
  assert.equal(await ended, 'end')
})

test('arrow keys find what was asked in earlier chats, and tab completes', async () => {
  const { stdin, next, raw } = startTerminal(['two␊lines', 'older'])
  const again = next()
  stdin.write('\u001B[A\r')
  assert.equal(await again, 'two\nlines')
  const older = next()
  stdin.write('\u001B[A\u001B[A\r')
  assert.equal(await older, 'older')
  const completed = next()
  stdin.write('/mo\t')
  stdin.write('x\r')
  assert.equal(await completed, '/model x')
  assert.equal(raw.at(-1), false, 'between two lines Ctrl-C is a signal')
})

test('Ctrl-C clears what was typed, and at an empty prompt it is told', async () => {
  const { stdin, next } = startTerminal()
  const line = next()
  stdin.write('half a quest')
  stdin.write('\u0003')
  stdin.write('whole\r')
  assert.equal(await line, 'whole')
  const interrupted = next()
  stdin.write('\u0003')
  assert.equal(await interrupted, 'interrupted')
})

test('a line is shown without what could move the cursor, and read as it was', () => {
  const text = 'a\r\nb\tc\u001B[31m'
  assert.equal(asShown(text), 'a␊b␉c[31m')
  assert.equal(asTyped(asShown('a\nb\tc')), 'a\nb\tc')
  const reader = new PasteReader()
  assert.equal(reader.read('typed\u001B[A\r'), 'typed\u001B[A\r')
  assert.equal(reader.read('x\u001B[20'), 'x')
  assert.equal(reader.read('0~y'), '')
  assert.equal(reader.read('\u001B[201~z\u001B'), 'yz')
  assert.equal(reader.read('b'), '\u001Bb')
})
