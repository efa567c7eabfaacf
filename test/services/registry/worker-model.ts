import type { WorkerModel } from '#shared/contracts/peers/peers.ts'

/** A model as a worker that does nothing just now reports it. */
export const workerModel = (
  name: string,
  state: WorkerModel['state'],
  more: Partial<WorkerModel> = {}
): WorkerModel => ({
  name,
  state,
  engine: 'sim',
  slots: 1,
  running: 0,
  waiting: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  ...more
})
