/** The way of one request as bars on one line of time. */
import type { RequestDetailBody } from '../mesh/bodies.ts'

type BarKind = 'wait' | 'read' | 'write' | 'lost'

export interface Bar {
  kind: BarKind
  /** Of its row: `Waited`, `Attempt 1 on studio`. */
  row: string
  fromMs: number
  toMs: number
  /** In words, for everybody. */
  text: string
}

/** `nameOf` turns a worker's key into what people call it. */
export function waterfall(
  { attempts_made: attempts, duration_ms: wholeMs, ...request }: RequestDetailBody,
  nameOf: (key: string) => string
): Bar[] {
  const bars: Bar[] = []
  const firstMs = attempts[0]?.started_ms ?? request.queue_ms
  if (firstMs > 0) {
    bars.push({ kind: 'wait', row: 'Queue', fromMs: 0, toMs: firstMs, text: 'waited for a slot' })
  }
  for (const [i, attempt] of attempts.entries()) {
    const { started_ms: fromMs, ended_ms: toMs, first_item_ms: firstItemMs } = attempt
    const row = `Attempt ${i + 1} on ${nameOf(attempt.worker)}`
    if (firstItemMs === undefined) {
      bars.push({ kind: 'lost', row, fromMs, toMs, text: endOf(attempt) })
      continue
    }
    bars.push({ kind: 'read', row, fromMs, toMs: firstItemMs, text: 'read the prompt' })
    const isLost = attempt.outcome !== 'answered'
    const text = isLost ? endOf(attempt) : 'wrote the answer'
    bars.push({ kind: isLost ? 'lost' : 'write', row, fromMs: firstItemMs, toMs, text })
  }
  if (attempts.length === 0 && request.worker !== undefined) {
    bars.push(...estimated(request, nameOf(request.worker), wholeMs))
  }
  return bars
}

/** What the books still say when the attempts have been forgotten. */
function estimated(
  request: Pick<RequestDetailBody, 'queue_ms' | 'prefill_ms' | 'decode_ms'>,
  name: string,
  wholeMs: number
): Bar[] {
  const row = `On ${name}`
  const readMs = Math.min(request.queue_ms + request.prefill_ms, wholeMs)
  const writtenMs = Math.min(readMs + request.decode_ms, wholeMs)
  return [
    { kind: 'read', row, fromMs: request.queue_ms, toMs: readMs, text: 'read the prompt' },
    { kind: 'write', row, fromMs: readMs, toMs: writtenMs, text: 'wrote the answer' }
  ]
}

const ENDS: Record<string, string> = {
  answered: 'answered',
  failed: 'failed',
  refused: 'had no slot after all',
  fenced: 'given up: another attempt went on'
}

function endOf({ outcome, code }: RequestDetailBody['attempts_made'][number]): string {
  const text = ENDS[outcome] ?? outcome
  return code === undefined ? text : `${text} (${code})`
}
