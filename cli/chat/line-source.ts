/**
 * The lines that a person types, or that are piped in, one at a time.
 *
 * At a terminal each line has a reader of its own, so that between two lines the terminal is in its
 * normal mode and Ctrl-C is a signal: it stops the answer.
 */
import { createInterface, type Completer } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { asTyped, PASTE_MARKS_OFF, PASTE_MARKS_ON, TerminalInput } from './terminal-input.ts'

type Line =
  | { kind: 'line'; text: string }
  /** Ctrl-C at an empty prompt. */
  | { kind: 'interrupted' }
  /** Ctrl-D, or the end of the pipe. */
  | { kind: 'end' }

interface LineSource {
  next(prompt: string): Promise<Line>
}

interface Terminal {
  output: Writable
  /** Lines of before, the latest first; in one line each. */
  history: string[]
  /** Called with a line that was entered, as it is shown. */
  onEntered: (shown: string) => void
  completer: Completer
}

/** As many as arrow keys are pressed for. */
export const HISTORY_LINES_MAX = 1000

/** Aborting the signal ends the lines. */
export function lineSource(stdin: ReadStream, terminal: Terminal, signal: AbortSignal): LineSource {
  return stdin.isTTY ? terminalLines(stdin, terminal) : pipedLines(stdin, signal)
}

function terminalLines(stdin: ReadStream, terminal: Terminal): LineSource {
  const { output, completer, onEntered } = terminal
  const input = new TerminalInput(stdin)
  let { history } = terminal
  return {
    next(prompt) {
      const { promise, resolve } = Promise.withResolvers<Line>()
      const reader = createInterface({
        input: input.open(),
        output,
        prompt,
        history,
        completer,
        terminal: true,
        historySize: HISTORY_LINES_MAX,
        removeHistoryDuplicates: true
      })
      const finish = (line: Line) => {
        resolve(line)
        reader.close()
      }
      output.write(PASTE_MARKS_ON)
      reader.on('history', (lines) => (history = lines))
      reader.on('line', (shown) => {
        if (shown.trim() !== '') onEntered(shown)
        finish({ kind: 'line', text: asTyped(shown) })
      })
      reader.on('close', () => {
        output.write(PASTE_MARKS_OFF)
        input.close()
        resolve({ kind: 'end' })
      })
      reader.on('SIGINT', () => {
        output.write('\n')
        if (reader.line === '') finish({ kind: 'interrupted' })
        else clearLine(reader)
      })
      reader.prompt()
      return promise
    }
  }
}

function clearLine(reader: ReturnType<typeof createInterface>): void {
  reader.write(null, { ctrl: true, name: 'e' }) // to the end, then delete all before it
  reader.write(null, { ctrl: true, name: 'u' })
  reader.prompt()
}

function pipedLines(stdin: Readable, signal: AbortSignal): LineSource {
  const reader = createInterface({ input: stdin, signal })
  const lines = reader[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await lines.next()
      return done === true ? { kind: 'end' } : { kind: 'line', text: value }
    }
  }
}
