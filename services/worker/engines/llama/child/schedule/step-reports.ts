/**
 * The reports of the steps to the worker. Writing to its pipe takes a few tenths of a millisecond,
 * which would stand between two steps; so a report is written while the next step computes.
 */
import type { Rates, StepMessage } from '../../messages.ts'

export class StepReports {
  readonly #send: (report: StepMessage) => void
  readonly #atOnce: boolean
  #current = emptyReport()
  #unsent: StepMessage[] = [] // of one step, or two where a step takes no time

  /** `atOnce`: a report is sent when it is closed, as the next step keeps this thread busy. */
  constructor(send: (report: StepMessage) => void, atOnce = false) {
    this.#send = send
    this.#atOnce = atOnce
  }

  /** The report of the step that runs. */
  get current(): StepMessage {
    return this.#current
  }

  /** The step is over: nothing more is added to its report. */
  close(rates: Rates): void {
    const { parts, ends, failures } = this.#current
    if (parts.length + ends.length + failures.length === 0) return
    this.#unsent.push({ ...this.#current, rates })
    this.#current = emptyReport()
    if (this.#atOnce) this.sendNow()
  }

  /** Sends two turns of the event loop later: the library starts the next step in the first. */
  sendSoon(): void {
    if (this.#unsent.length > 0) setImmediate(() => setImmediate(() => this.sendNow()))
  }

  sendNow(): void {
    const reports = this.#unsent
    this.#unsent = []
    for (const report of reports) this.#send(report)
  }
}

function emptyReport(): StepMessage {
  return { kind: 'step', parts: [], ends: [], failures: [], rates: { prefill: 0, decode: 0 } }
}
