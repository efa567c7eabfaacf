/**
 * What the functions that run now may ask for, each over the link of the worker that runs it and
 * for as long as it runs: their secrets, and calls of other functions in the name of their tenant.
 */
import { Compile } from '#shared/validator.ts'
import {
  CALL_DEPTH_MAX,
  gatewayCallFunction,
  gatewayOpenSecrets,
  jobsCallFunction,
  jobsOpenSecrets,
  RunOf,
  type Called,
  type CallFunction,
  type OpenedSecrets
} from '#shared/contracts/functions/run-rights.ts'
import type { Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Router } from '#shared/rpc/router.ts'
import { check } from '#shared/rpc/check.ts'

interface Right {
  worker: string
  behalf: Behalf
  of: RunOf
  secrets: readonly string[]
  calls: number
}

const RUNS_MAX = 4096
/** Of one run, one after the other or at once. */
const CALLS_MAX = 1000
const validator = Compile(RunOf)

export class RunRights {
  readonly #gateways: Pick<PeerPool, 'call'>
  readonly #rights = new BoundedMap<string, Right>(RUNS_MAX)

  constructor(gateways: Pick<PeerPool, 'call'>) {
    this.#gateways = gateways
  }

  answer(router: Router): void {
    router
      .respond(jobsOpenSecrets, ({ run }, context) => this.#open(run, context.peer.key, context))
      .respond(jobsCallFunction, ({ run, ...wish }, context) =>
        this.#call(run, context.peer.key, wish, context)
      )
  }

  /** Returns the input as the worker gets it: without what is for the jobs service alone. */
  enter(run: string, worker: string, behalf: Behalf, input: unknown): unknown {
    const { of, ...rest } = input as { of?: unknown; secrets?: string[] }
    if (of === undefined) return rest
    const { secrets = [] } = rest
    const right = { worker, behalf, of: check(validator, of, 'input.of'), secrets, calls: 0 }
    this.#rights.set(run, right)
    return rest
  }

  leave(run: string): void {
    this.#rights.delete(run)
  }

  async #open(run: string, worker: string, context: RequestContext): Promise<OpenedSecrets> {
    const { behalf, of, secrets } = this.#rightOf(run, worker)
    const names = [...secrets]
    const asked = { tenant: behalf.tenant, of, names }
    return this.#gateways.call(gatewayOpenSecrets, asked, context)
  }

  async #call(
    run: string,
    worker: string,
    wish: CallFunction,
    context: RequestContext
  ): Promise<Called> {
    const right = this.#rightOf(run, worker)
    if (++right.calls > CALLS_MAX) {
      throw new HaifError('RATE_LIMITED', `a run may call at most ${CALLS_MAX} functions`)
    }
    const { behalf, of } = right
    if (of.depth >= CALL_DEPTH_MAX) {
      const message = `functions that call each other may be ${CALL_DEPTH_MAX} deep at most`
      throw new HaifError('FORBIDDEN', message)
    }
    const asked = { behalf, of: { ...of, depth: of.depth + 1 }, ...wish }
    return this.#gateways.call(gatewayCallFunction, asked, context)
  }

  #rightOf(run: string, worker: string): Right {
    const right = this.#rights.get(run)
    if (right?.worker === worker) return right
    throw new HaifError('NOT_FOUND', 'this worker does not run that any more')
  }
}
