/**
 * A worker whose start shows how its models load, and ends when each is ready or has failed. When
 * all of them have failed for good, so has the start.
 */
import process from 'node:process'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Worker } from '../../services/worker/worker.ts'
import { downloadText } from '../screen/download-text.ts'
import type { ModelLines } from '../screen/model-lines.ts'
import { screenOf } from '../screen/terminal.ts'

const REDRAW_MS = 200
const BAR_CHARACTERS = 24

export function showLoading(worker: Worker, lines: ModelLines): Service {
  let timer: NodeJS.Timeout | undefined
  return {
    async start() {
      lines.hold()
      await worker.start()
      const isTerminal = process.stderr.isTTY
      const show = isTerminal ? redraw : (models: WorkerModel[]) => lines.progress(models)
      timer = setInterval(() => show(worker.models()), REDRAW_MS)
      await worker.loaded()
      clearInterval(timer)
      if (isTerminal) process.stderr.write('\r\u001B[K')
      const why = worker.hopeless()
      if (why !== null) throw why
      lines.release()
      timer = setInterval(() => lines.progress(worker.models()), REDRAW_MS)
    },
    async stop() {
      clearInterval(timer)
      await worker.stop()
    },
    health: () => worker.health?.() ?? { ready: true },
    stopMsMax: worker.stopMsMax
  }
}

function redraw(models: WorkerModel[]): void {
  const loading = models.filter(({ state }) => state === 'loading')
  // A line that is longer than the screen would not be drawn over.
  const text = loading
    .map(inWords)
    .join('  ')
    .slice(0, screenOf(process.stderr).width - 1)
  process.stderr.write(`\r\u001B[K${text}`)
}

/** Downloading and loading are two bars of one name: they say which is which. */
function inWords({ name, phase, progress = 0, download }: WorkerModel): string {
  if (phase === 'waitingForMemory') return `${name} waits for memory`
  const doing = download === undefined ? 'loading' : downloadText(download)
  return `${name} ${bar(progress)} ${doing}`
}

function bar(progress: number): string {
  const full = Math.round(progress * BAR_CHARACTERS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)} ${Math.floor(progress * 100)} %`
}
