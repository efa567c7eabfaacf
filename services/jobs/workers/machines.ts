/** The workers behind this service as machines: what they offer, and what is built there. */
import {
  jobsEnvironments,
  jobsMachines,
  workerEnvironments,
  type MachineEnvironments,
  type MachineView
} from '#shared/contracts/functions/environments.ts'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { WorkerRunner } from '../run/worker-runner.ts'
import { isNamed } from '../schedule/needs.ts'

interface MachinesDeps {
  router: Router
  workers: () => readonly WorkerRunner[]
  /** Tasks of this service that run there. */
  runningAt: (key: string) => number
}

/** One machine that hangs keeps nobody from seeing the others. */
const ANSWER_MS_MAX = 5000

export function answerMachines({ router, workers, runningAt }: MachinesDeps): void {
  router
    .respond(jobsMachines, async () => ({
      machines: workers().map((worker) => viewOf(worker, runningAt))
    }))
    .respond(jobsEnvironments, async ({ machine }) => {
      const asked = workers().filter(({ facts }) => {
        const isMeant = machine === undefined || isNamed(facts, machine)
        return isMeant && facts.types.includes('function')
      })
      if (machine !== undefined && asked.length === 0) {
        throw new HaifError('NOT_FOUND', `no machine ${machine} that runs functions is connected`)
      }
      return { machines: await Promise.all(asked.map(environmentsOf)) }
    })
}

function viewOf({ facts, places }: WorkerRunner, runningAt: MachinesDeps['runningAt']) {
  const { key: id, name = '', environments = [], types, gpu, models, region, labels } = facts
  const view: MachineView = {
    id,
    types,
    places,
    gpu,
    models,
    functions: types.includes('function'),
    running: runningAt(id),
    environments: environments.length
  }
  if (name !== '') view.name = name
  if (region !== undefined) view.region = region
  if (labels !== undefined) view.labels = labels
  return view
}

async function environmentsOf({
  link,
  facts
}: WorkerRunner): Promise<MachineEnvironments['machines'][number]> {
  const { key: id, name = '' } = facts
  const machine = name === '' ? { id } : { id, name }
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  try {
    return { ...machine, ...(await link.call(workerEnvironments, {}, context)) }
  } catch (error) {
    return { ...machine, environments: [], runtimes: [], error: reasonOf(error) }
  }
}
