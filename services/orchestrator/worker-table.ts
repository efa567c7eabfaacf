/**
 * What the orchestrator knows of each worker: what the worker last said, and what it has itself sent
 * there since. A worker is in the table exactly as long as it is connected.
 */
import type { WorkerReport } from '#shared/contracts/peers.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { WorkerView } from './placement.ts'

interface Row {
  link: PeerLink
  report: WorkerReport
  /** Requests of ours that the worker runs or holds, by model. */
  inFlight: Map<string, number>
  /** The same at the time of the last report: those are counted in it already. */
  inFlightAtReport: Map<string, number>
  lastPlacedAt: number
}

export class WorkerTable {
  readonly #rows = new Map<string, Row>() // bounded by the connections of the mesh

  get size(): number {
    return this.#rows.size
  }

  /** Takes in a report, and the worker when it is new or has come back on another connection. */
  update(link: PeerLink, report: WorkerReport): void {
    const row = this.#rows.get(link.peer.key)
    if (row === undefined || row.link !== link) {
      const inFlight = new Map<string, number>()
      this.#rows.set(link.peer.key, {
        link,
        report,
        inFlight,
        inFlightAtReport: new Map(),
        lastPlacedAt: 0
      })
      return
    }
    row.report = report
    row.inFlightAtReport = new Map(row.inFlight)
  }

  /** Forgets the worker, unless it is connected again already. */
  remove(link: PeerLink): void {
    if (this.#rows.get(link.peer.key)?.link === link) this.#rows.delete(link.peer.key)
  }

  link(key: string): PeerLink | undefined {
    return this.#rows.get(key)?.link
  }

  /** Counts a request at the worker until the returned function is called. */
  place(key: string, model: string, now: number): () => void {
    const row = this.#rows.get(key)
    if (row === undefined) return () => {}
    row.lastPlacedAt = now
    add(row.inFlight, model, 1)
    return () => {
      add(row.inFlight, model, -1)
      add(row.inFlightAtReport, model, -1)
    }
  }

  /** The workers as placement sees them. */
  views(): WorkerView[] {
    return [...this.#rows].map(([key, { report, inFlight, inFlightAtReport, lastPlacedAt }]) => ({
      key,
      draining: report.draining,
      lastPlacedAt,
      models: report.models.map((model) => ({
        name: model.name,
        ready: model.state === 'ready',
        slots: model.slots,
        load:
          model.running +
          model.waiting +
          (inFlight.get(model.name) ?? 0) -
          (inFlightAtReport.get(model.name) ?? 0)
      }))
    }))
  }
}

function add(counts: Map<string, number>, model: string, by: number): void {
  const count = (counts.get(model) ?? 0) + by
  if (count <= 0) counts.delete(model)
  else counts.set(model, count)
}
