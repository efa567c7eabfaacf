/** Runs `retrieval` in this process: no worker sees the database. */
import { embedOnBehalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { retrieve } from '../retrieval/retrieval.ts'
import { lackOfType, type Needs } from '../schedule/needs.ts'
import type { ClaimedTask } from '../store/rows.ts'
import { behalfOf } from './behalf.ts'
import type { Runner, Running } from './runner.ts'

interface RetrievalRunnerDeps {
  store: Store
  gateways: Pick<PeerPool, 'call'>
  artifacts: Artifacts
  forbids: (needs: Needs, tenant: string) => string | null
}

/** Each takes memory, and the processor of this service. */
const PLACES = 4
const ARTIFACT_BYTES_MAX = 16 << 20

export class RetrievalRunner implements Runner {
  readonly key = 'retrieval'
  readonly places = PLACES
  readonly #deps: RetrievalRunnerDeps

  constructor(deps: RetrievalRunnerDeps) {
    this.#deps = deps
  }

  lacks(needs: Needs, tenant: string): string | null {
    if (needs.type !== 'retrieval') return lackOfType(needs)
    return this.#deps.forbids(needs, tenant)
  }

  async *run(task: ClaimedTask, input: unknown, context: RequestContext): Running {
    yield {}
    const { store, gateways, artifacts } = this.#deps
    const { tenant_id: tenant } = task
    let calls = 0
    let promptTokens = 0
    const result = await retrieve(input, {
      store,
      tenant,
      readArtifact: (uri) => artifacts.readText(uri, tenant, ARTIFACT_BYTES_MAX, context),
      embed: async (texts, model) => {
        const behalf = behalfOf(task, `.${calls++}`)
        const asked = { inputs: [...texts], model }
        const reply = await gateways.call(embedOnBehalf, { behalf, asked }, context)
        promptTokens += reply.promptTokens
        return reply.vectors
      }
    })
    if (promptTokens === 0) return result
    return { ...result, usage: { promptTokens, completionTokens: 0, totalTokens: promptTokens } }
  }
}
