/** The nodes of a run as bars on one line of time. */
import type { RunBody } from '../mesh/bodies.ts'
import type { Bar } from './waterfall.ts'

/** `nameOf` turns a worker's key into what people call it. */
export function runBars(
  { nodes, created_at: created }: Pick<RunBody, 'nodes' | 'created_at'>,
  nameOf: (key: string) => string,
  now: number
): Bar[] {
  const begunAt = Date.parse(created)
  return nodes.flatMap(({ node, machine, status, started_at: from, completed_at: to }) => {
    const row = machine === undefined ? node : `${node} on ${nameOf(machine)}`
    const endMs = (to === undefined ? now : Date.parse(to)) - begunAt
    const fromMs = from === undefined ? endMs : Date.parse(from) - begunAt
    const bars: Bar[] = []
    if (fromMs > 0) bars.push({ kind: 'wait', row, fromMs: 0, toMs: fromMs, text: 'waited' })
    if (from === undefined) return bars
    const isLost = status === 'Failed' || status === 'Canceled'
    bars.push({
      kind: isLost ? 'lost' : 'write',
      row,
      fromMs,
      toMs: endMs,
      text: TEXTS[status] ?? 'runs'
    })
    return bars
  })
}

const TEXTS: Record<string, string> = { Completed: 'ran', Failed: 'failed', Canceled: 'cancelled' }
