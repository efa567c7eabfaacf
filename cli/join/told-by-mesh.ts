/** The models of a worker whose owner has named none: what the mesh has, or a person says. */
import { readString, type Environment } from '#shared/process/config.ts'
import type { Home } from '#shared/main/home.ts'
import type { Seat } from '#shared/main/seat.ts'
import type { WorkerConfig, WorkerWishes } from '../../services/worker/config.ts'
import type { KeptOrders } from '../../services/worker/kept-orders.ts'
import { ramBytesFree } from '../../services/worker/memory/ram.ts'
import { BUILTIN, chooseModel, terminalQuestion } from './choose-model.ts'
import { modelsOfMesh } from './models-of-mesh.ts'

/** The rest is for whatever else the machine does. */
const RAM_SHARE = 0.8
const SETTINGS = ['MODEL_ID', 'MODEL_ON_DEMAND', 'UPSTREAM_URL']

/** Whether somebody has said which models this machine holds. */
export const isTold = (
  { model, onDemand, upstream }: WorkerWishes & { upstream?: string },
  env: Environment
): boolean =>
  [model, onDemand, upstream].some((option) => option !== undefined) ||
  SETTINGS.some((name) => readString(env, name, '') !== '')

interface Joining {
  seat: Seat
  home: Home
  /** Where the choice lasts. */
  kept: KeptOrders
  say: (line: string) => void
}

export async function toldByMesh(
  given: WorkerConfig,
  { seat, home, kept, say }: Joining
): Promise<WorkerConfig> {
  if (kept.chosen !== undefined) return { ...given, models: [kept.chosen] }
  const models = await modelsOfMesh(seat, home)
  const { ram } = given.budget
  const bytesFree = ram !== undefined && 'bytes' in ram ? ram.bytes : ramBytesFree() * RAM_SHARE
  const { argument, says } = await chooseModel(models, { bytesFree, ask: terminalQuestion() })
  for (const line of says) say(line)
  if (argument !== BUILTIN) kept.choose(argument) // the next start asks again for a real one
  return { ...given, models: [argument] }
}
