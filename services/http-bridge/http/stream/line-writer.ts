/** Writes one JSON value a line: https://github.com/ndjson/ndjson-spec */
import { StreamWriter } from './stream-writer.ts'

export class LineWriter extends StreamWriter {
  readonly contentType = 'application/x-ndjson'

  line(value: unknown): void {
    this.say(`${JSON.stringify(value)}\n`)
  }
}
