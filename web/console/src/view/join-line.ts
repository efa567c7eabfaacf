/** The line that makes another machine join, and who has come since. */
import type { WorkerBody } from '../mesh/bodies.ts'

export function joinLine(topicKey: string, model: string): string {
  const line = `haif join ${topicKey}`
  return model === '' ? line : `${line} --model ${quoted(model)}`
}

/** For a shell; names of models need it only by mistake. */
const quoted = (text: string): string =>
  /^[\w:/.@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

export function newcomer(
  workers: ReadonlyMap<string, WorkerBody>,
  before: ReadonlySet<string>
): WorkerBody | undefined {
  return [...workers.values()].find(({ id }) => !before.has(id))
}
