/** Clients that each read one answer and check every token of it. */
import { HaifError, toHaifError, type ErrorCode } from '#shared/errors.ts'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import { createContext, type OwnedContext } from '#shared/rpc/context.ts'
import { StreamCheck } from '../checker.ts'
import type { TestMesh } from './mesh.ts'
import { requestOf } from '../requests.ts'
import { patience } from '../deadline.ts'

const TIMEOUT_MS = 60_000

export interface Outcome {
  prompt: string
  /** Null: the answer came whole. */
  error: ErrorCode | null
  /** What was wrong with what came. */
  problem: string | null
  tokens: number
  end: InferenceEnd | null
  /** The longest wait between two items. */
  silenceMs: number
}

export class Client {
  readonly #mesh: TestMesh
  readonly #prompt: string
  readonly #maxTokens: number
  readonly #check: StreamCheck
  readonly #context: OwnedContext = createContext({ timeoutMs: patience(TIMEOUT_MS) })
  #silenceMs = 0
  readonly outcome: Promise<Outcome>

  constructor(mesh: TestMesh, prompt: string, maxTokens: number) {
    this.#mesh = mesh
    this.#prompt = prompt
    this.#maxTokens = maxTokens
    this.#check = new StreamCheck(prompt)
    this.outcome = this.#run()
  }

  /** Tokens that have come. */
  get tokens(): number {
    return this.#check.tokens
  }

  leave(): void {
    this.#context.abort(new HaifError('CANCELLED', 'the client has left'))
  }

  async #run(): Promise<Outcome> {
    let error: ErrorCode | null = null
    let end: InferenceEnd | null = null
    try {
      end = await this.#read()
      this.#check.end(this.#maxTokens)
    } catch (thrown) {
      error = toHaifError(thrown).code
    } finally {
      this.#context[Symbol.dispose]()
    }
    const { problem, tokens } = this.#check
    return { prompt: this.#prompt, error, problem, tokens, end, silenceMs: this.#silenceMs }
  }

  async #read(): Promise<InferenceEnd> {
    const stream = inferThrough(
      await this.#mesh.client(),
      gatewayInfer,
      requestOf({ prompt: this.#prompt, maxTokens: this.#maxTokens }),
      this.#context
    )
    for (let heardAt = NaN; ;) {
      const { done, value } = await stream.next()
      if (done === true) return value
      const now = performance.now()
      if (!Number.isNaN(heardAt)) this.#silenceMs = Math.max(this.#silenceMs, now - heardAt)
      heardAt = now
      this.#check.item(value)
    }
  }
}
