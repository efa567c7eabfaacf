/** The models of a server that speaks the OpenAI protocol, as models of this worker. */
import { HaifError } from '#shared/errors.ts'
import type { Backoff } from '#shared/kit/backoff.ts'
import type { ModelSource } from './model-source.ts'
import { listModels } from '../../engines/openai/identify.ts'
import { OpenAiEngine } from '../../engines/openai/openai-engine.ts'
import { UpstreamClient, type UpstreamTimeouts } from '../../engines/openai/upstream-client.ts'
import { ServerGone } from '../../engines/openai/upstream-errors.ts'

export interface UpstreamOptions {
  /** A file that holds the API key and nothing else. */
  keyFile?: string
  /** Requests at the server at once, for each model. Absent: what the server reports, or 16. */
  slots?: number
  /** Only these models; all of them unless given. */
  models?: readonly string[]
  timeouts?: Partial<UpstreamTimeouts>
  /** Pauses between the tries to reach a server that is gone. */
  retry?: Backoff
}

const RETRY: Backoff = { firstMs: 500, maxMs: 15_000 }
/** A report has at most so many models (`WorkerReport`). */
const MODELS_MAX = 64
const NAME_CHARACTERS_MAX = 256

/** Models given by name need not be there yet: they become ready when the server is. */
export async function discoverUpstream(
  upstream: string,
  options: UpstreamOptions = {}
): Promise<ModelSource[]> {
  const { keyFile, timeouts = {}, models } = options
  const url = readUrl(upstream)
  const client = new UpstreamClient({
    url,
    timeouts,
    ...(keyFile === undefined ? {} : { keyFile })
  })
  const listed = await listOrNull(client, models)
  const ids = models === undefined ? (listed ?? []) : assertListed(models, listed, client)
  if (ids.length === 0) throw invalid(`${client.name} has no model`)
  if (ids.length > MODELS_MAX) {
    throw invalid(
      `${client.name} has ${ids.length} models: choose with --model, ${MODELS_MAX} at most`
    )
  }
  return ids.map((id) => sourceOf(client, id, options))
}

function sourceOf(client: UpstreamClient, id: string, options: UpstreamOptions): ModelSource {
  const { slots, retry = RETRY } = options
  let opened = 0
  return {
    name: id,
    engine: 'openai',
    retry,
    open: async () => {
      const prove = opened++ > 0 // at first it is trusted: Ollama would load all its models
      return new OpenAiEngine({ client, id, prove, ...(slots === undefined ? {} : { slots }) })
    }
  }
}

async function listOrNull(
  client: UpstreamClient,
  wanted: readonly string[] | undefined
): Promise<string[] | null> {
  try {
    const ids = (await listModels(client)).map(({ id }) => id)
    return ids.filter((id) => id.length <= NAME_CHARACTERS_MAX)
  } catch (error) {
    if (wanted !== undefined && error instanceof ServerGone) return null
    throw error
  }
}

function assertListed(
  wanted: readonly string[],
  listed: string[] | null,
  client: UpstreamClient
): string[] {
  const missing = wanted.find((id) => listed !== null && !listed.includes(id))
  if (missing === undefined) return [...new Set(wanted)]
  const some = (listed ?? []).slice(0, 10).join(', ')
  throw invalid(`${client.name} has no model ${missing}; it has ${some}`)
}

/** An address without a path gets the usual one, /v1. */
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalid(`"${text}" is no address of a server: give one like http://127.0.0.1:8000/v1`)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(
      'the address of the server has no user, query or fragment: a key goes into a file'
    )
  }
  if (url.pathname === '/') url.pathname = '/v1'
  return url
}

const invalid = (message: string): HaifError => new HaifError('CONFIG_INVALID', message)
