/** A worker whose start shows how its models load, and ends when each is ready or has failed. */
import process from 'node:process'
import type { WorkerModel } from '#shared/contracts/peers.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Worker } from '../services/worker/worker.ts'

const REDRAW_MS = 200
const BAR_CHARACTERS = 24

export function showLoading(worker: Worker): Service {
  return {
    async start() {
      await worker.start()
      const isTerminal = process.stderr.isTTY
      const timer = isTerminal ? setInterval(() => redraw(worker.models()), REDRAW_MS) : undefined
      await worker.loaded()
      clearInterval(timer)
      if (isTerminal) process.stderr.write('\r\u001B[K')
      for (const model of worker.models()) process.stdout.write(`${outcome(model)}\n`)
    },
    stop: () => worker.stop(),
    stopMsMax: worker.stopMsMax
  }
}

function redraw(models: WorkerModel[]): void {
  const loading = models.filter(({ state }) => state === 'loading')
  const text = loading.map(({ name, progress = 0 }) => `${name} ${bar(progress)}`).join('  ')
  process.stderr.write(`\r\u001B[K${text}`)
}

function bar(progress: number): string {
  const full = Math.round(progress * BAR_CHARACTERS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)} ${Math.floor(progress * 100)} %`
}

function outcome(model: WorkerModel): string {
  if (model.state === 'failed') return `model ${model.name} failed: ${model.error}`
  const { name, quantization, contextTokens, slots } = model
  const facts = [quantization, `context ${contextTokens}`, `${slots} at a time`]
  return `model ${name} (${facts.filter((fact) => fact !== undefined).join(', ')})`
}
