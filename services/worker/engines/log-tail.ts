/**
 * The last lines that a process wrote. llama.cpp says much and means little of it; only when the
 * process dies are its last words worth reading.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'

export class LogTail {
  #text = ''
  readonly #ends: Promise<void>[] = []

  read(stream: Readable): void {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-CHARACTERS_MAX)
    })
    // A pipe that breaks has ended too.
    this.#ends.push(finished(stream).catch(() => {}))
  }

  /** All that is kept of it, once the pipes have ended. */
  async text(): Promise<string> {
    await Promise.race([Promise.all(this.#ends), delay(ENDS_WITHIN_MS)])
    return this.#text
  }

  /**
   * The line that most likely says why a process died: a failed assertion or an error, else the
   * last one. Pipes may outlive the process by a moment, or for ever if it left children.
   */
  async reason(): Promise<string | null> {
    const lines = (await this.text())
      .split('\n')
      .filter((line) => line.trim() !== '' && !BROKEN_OFF.test(line))
    const last = (telling: RegExp) => lines.findLast((line) => telling.test(line))
    return (last(MOST_TELLING) ?? last(TELLING) ?? lines.at(-1))?.trim() ?? null
  }
}

/** A line that says what is wrong is followed by others that only say that something is. */
const MOST_TELLING =
  /CUDA error: |out of memory|unknown model arch|unknown (pre-)?tokenizer|error loading model: /
/** A step that was cancelled, of which llama.cpp speaks as of a failure. */
const BROKEN_OFF = /failed with error 1$|compute status: 1$|failed to decode, ret = 2$/
const TELLING = /GGML_ASSERT|what\(\)|error|failed/i

const CHARACTERS_MAX = 16_384
const ENDS_WITHIN_MS = 200
