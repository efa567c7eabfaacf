/** Follows the mesh: one stream of events for the whole page, opened anew when it breaks off. */
import type { WorkerBody, WorkerListBody } from './bodies.ts'
import { computed, effect, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { access, refused } from '../../../ui/mesh/access.ts'
import { MeshError, type Failure } from '../../../ui/mesh/failure.ts'
import { send } from '../../../ui/mesh/http.ts'
import { readEvents } from '../../../ui/mesh/read-events.ts'
import { applyEvent, EMPTY_FEED, type Feed } from '../view/feed.ts'
import { addSample, NO_HISTORY, type History } from '../view/history.ts'
import { failureOf, useRead } from './read.ts'

const AGAIN_MS_MIN = 500
const AGAIN_MS_MAX = 10_000
/** Figures for charts are taken so often. */
const SAMPLE_MS = 2000

export const feed = signal<Feed>(EMPTY_FEED)
/** Why the stream is away; null while it is open. */
export const streamFailure = signal<Failure | null>(null)
export const history = signal<History>(NO_HISTORY)
/** The clock of the page, for what is told as "5 s ago". */
export const now = signal(Date.now())

/** Sums of the last 24 hours by worker: read from the books, so the stream has none. */
const today = signal<ReadonlyMap<string, NonNullable<WorkerBody['today']>>>(new Map())
const TODAY_EVERY_MS = 15_000

/** For screens that show what workers have done today. */
export function useToday(): void {
  const { data } = useRead<WorkerListBody>('v1/admin/workers?limit=500', TODAY_EVERY_MS)
  useEffect(() => {
    if (data === null) return
    today.value = new Map(
      data.workers.flatMap((worker) =>
        worker.today === undefined ? [] : [[worker.id, worker.today] as const]
      )
    )
  }, [data])
}

export function workerOf(id: string): WorkerBody | undefined {
  const worker = feed.value.workers.get(id)
  const sums = today.value.get(id)
  return worker === undefined || sums === undefined ? worker : { ...worker, today: sums }
}

export const workers = computed(() =>
  [...feed.value.workers.keys()]
    .map((id) => workerOf(id)!)
    .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)) || a.id.localeCompare(b.id))
)

export const nameOf = ({ name, host }: { name?: string; host: string }): string => name ?? host

/** Until the page is left. */
export function followMesh(): void {
  let reading = new AbortController()
  effect(() => {
    void access.value // another token may see something else
    reading.abort()
    reading = new AbortController()
    void follow(reading.signal)
  })
  setInterval(() => {
    now.value = Date.now()
    if (feed.peek().isReady) history.value = addSample(history.peek(), feed.peek())
  }, SAMPLE_MS)
}

async function follow(signal: AbortSignal): Promise<void> {
  let againMs = AGAIN_MS_MIN
  while (!signal.aborted) {
    try {
      await readStream(signal, () => (againMs = AGAIN_MS_MIN))
    } catch (error) {
      if (signal.aborted) return
      streamFailure.value = failureOf(error)
      if (error instanceof MeshError && refused.peek() !== null) return // until there is a token
    }
    await wait(againMs, signal)
    againMs = Math.min(againMs * 2, AGAIN_MS_MAX)
  }
}

/** What was known stays on the screen until the new stream has told everything again. */
async function readStream(signal: AbortSignal, onReady: () => void): Promise<void> {
  const headers = { accept: 'text/event-stream' }
  const response = await send('v1/admin/events', { headers, signal })
  let next = { ...EMPTY_FEED, ended: feed.peek().ended }
  for await (const { event, data } of readEvents(response.body!)) {
    if (event === 'error') throw new Error('the mesh ended the stream')
    next = applyEvent(next, event, JSON.parse(data))
    if (!next.isReady) continue
    if (event === 'ready') {
      onReady()
      streamFailure.value = null
    }
    show(next)
  }
}

let shown: Feed | null = null

/** Many events come at once, and a screen is drawn once for all of them. */
function show(next: Feed): void {
  if (shown === null) {
    requestAnimationFrame(() => {
      if (shown !== null) feed.value = shown
      shown = null
    })
  }
  shown = next
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** For another token, which may see less. */
export function forgetFeed(): void {
  feed.value = EMPTY_FEED
  history.value = NO_HISTORY
}
