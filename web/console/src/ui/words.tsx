/** The states of things, as a word and a colour. */
import type { RequestRowBody, WorkerBody } from '../mesh/bodies.ts'
import { bytes, partOf, span } from '../view/figures.ts'
import { Tag, type Tone } from './parts.tsx'

const WORKER: Record<WorkerBody['state'], readonly [Tone, string]> = {
  ready: ['good', 'ready'],
  loading: ['busy', 'loading'],
  paused: ['still', 'paused'],
  draining: ['warn', 'leaving'],
  failed: ['bad', 'failed'],
  empty: ['still', 'no model']
}

export function WorkerTag({ state }: { state: WorkerBody['state'] }) {
  const [tone, text] = WORKER[state]
  return <Tag tone={tone}>{text}</Tag>
}

/** Of a machine; while it loads, how far it is. */
export function StateOf({ worker: { state, models } }: { worker: WorkerBody }) {
  const loading = models.find((model) => model.state === 'loading')
  return state === 'loading' && loading !== undefined ? (
    <ModelTag {...loading} />
  ) : (
    <WorkerTag state={state} />
  )
}

const REQUEST: Record<RequestRowBody['status'], readonly [Tone, string]> = {
  running: ['busy', 'running'],
  ok: ['good', 'ok'],
  stopped: ['still', 'stopped'],
  failed: ['bad', 'failed']
}

export function RequestTag({ status, code }: Pick<RequestRowBody, 'status' | 'code'>) {
  const [tone, text] = REQUEST[status]
  return (
    <>
      <Tag tone={tone}>{text}</Tag>
      {status === 'failed' && code !== undefined && <code class="code-of">{code}</code>}
    </>
  )
}

type HeldModel = WorkerBody['models'][number]
type Holding = Pick<HeldModel, 'state' | 'phase' | 'progress' | 'download'>

export function ModelTag({ state, phase, progress = 0, download }: Holding) {
  if (state === 'ready') return <Tag tone="good">ready</Tag>
  if (state === 'failed') return <Tag tone="bad">failed</Tag>
  if (state === 'loadable') return <Tag tone="still">loads when asked</Tag>
  const word = {
    downloading: 'fetching',
    waitingForMemory: 'waiting for memory',
    loading: 'loading'
  }
  return (
    <span class="loading-model">
      <Tag tone="busy">{word[phase ?? 'loading']}</Tag>
      <progress value={progress} max={1} aria-label={word[phase ?? 'loading']} />
      <span class="note">
        {download === undefined ? wholePercent(progress) : sizesOf(download)}
      </span>
    </span>
  )
}

const wholePercent = (progress: number): string => `${Math.floor(progress * 100)} %`

/** `1.2 of 2.5 GB, 38 MB/s, 34 s left` */
function sizesOf(download: NonNullable<Holding['download']>): string {
  const { bytes: done, total_bytes: total, bytes_per_second: rate } = download
  const parts = [total === undefined ? bytes(done) : partOf(done, total)]
  if (rate > 0) parts.push(`${bytes(rate)}/s`)
  if (rate > 0 && total !== undefined) parts.push(`${span(((total - done) / rate) * 1000)} left`)
  return parts.join(', ')
}

const PATHS = { local: 'this machine', lan: 'this network', direct: 'direct', relayed: 'relayed' }

export const linkText = ({ path, rtt_ms: rttMs }: Pick<WorkerBody, 'path' | 'rtt_ms'>): string =>
  path === 'local' ? PATHS.local : `${PATHS[path]}, ${span(rttMs)}`
