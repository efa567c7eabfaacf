/**
 * The lines that a person types, or that are piped in, one at a time.
 *
 * At a terminal each line has a reader of its own, so that between two lines the terminal is in its
 * normal mode and Ctrl-C is a signal: it stops the answer.
 */
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'

type Line =
  | { kind: 'line'; text: string }
  /** Ctrl-C at an empty prompt. */
  | { kind: 'interrupted' }
  /** Ctrl-D, or the end of the pipe. */
  | { kind: 'end' }

interface LineSource {
  next(prompt: string): Promise<Line>
}

/** Aborting the signal ends the lines. */
export function lineSource(stdin: ReadStream, output: Writable, signal: AbortSignal): LineSource {
  return stdin.isTTY ? terminalLines(stdin, output) : pipedLines(stdin, signal)
}

function terminalLines(stdin: ReadStream, output: Writable): LineSource {
  let history: string[] = []
  return {
    next(prompt) {
      const { promise, resolve } = Promise.withResolvers<Line>()
      const reader = createInterface({ input: stdin, output, prompt, history, terminal: true })
      const finish = (line: Line) => {
        resolve(line)
        reader.close()
      }
      reader.on('history', (lines) => (history = lines))
      reader.on('line', (text) => finish({ kind: 'line', text }))
      reader.on('close', () => resolve({ kind: 'end' }))
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
