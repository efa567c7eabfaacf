/** Prints a line for each change of a worker's models, for whoever watches the command. */
import process from 'node:process'
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import { downloadText } from './download-text.ts'

/** A download without a bar on screen gets a line for each such part of it. */
const PROGRESS_STEP = 0.1

export class ModelLines {
  readonly #last = new Map<string, WorkerModel['state']>() // one for each model
  readonly #told = new Map<string, number>() // the same
  #held: string[] | null = null // a few for each model, while they are loaded at the start

  /** Keeps lines back: when nothing can be loaded they are said as one message. */
  hold(): void {
    this.#held = []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const line of held) this.#write(line)
  }

  /** Of the machine; said at once, also while models are loaded. */
  note(text: string): void {
    this.#write(text)
  }

  changed(model: WorkerModel): void {
    const before = this.#last.get(model.name)
    this.#last.set(model.name, model.state)
    const line = this.#line(model, before)
    if (line === null) return
    if (this.#held === null) this.#write(line)
    else this.#held.push(line)
  }

  #line(model: WorkerModel, before: WorkerModel['state'] | undefined): string | null {
    const { name, state, onDemand = false } = model
    switch (state) {
      case 'failed':
        return `model ${name} failed: ${model.error}`
      case 'ready':
        return `model ${describe(model)}`
      case 'loading':
        return onDemand ? `model ${name} is wanted: loading it` : null
      case 'loadable':
        return before === 'ready' ? `model ${name} unloaded: its memory is needed` : null
    }
  }

  /** Prints the progress of downloads, a line for each tenth. */
  progress(models: readonly WorkerModel[]): void {
    for (const { name, phase, progress = 0, download } of models) {
      if (phase !== 'downloading') {
        this.#told.delete(name)
        continue
      }
      const step = Math.floor(progress / PROGRESS_STEP)
      if (this.#told.get(name) === step) continue
      this.#told.set(name, step)
      const how = download === undefined ? '' : ` (${downloadText(download)})`
      this.#write(`model ${name}: downloading, ${step * 10} %${how}`)
    }
  }

  #write(line: string): void {
    process.stdout.write(`${line}\n`)
  }
}

function describe({ name, quantization, contextTokens, slots, notice }: WorkerModel): string {
  const facts = [quantization, `context ${contextTokens}`, `${slots} at a time`]
  const text = `${name} (${facts.filter((fact) => fact !== undefined).join(', ')})`
  return notice === undefined ? text : `${text}: ${notice}`
}
