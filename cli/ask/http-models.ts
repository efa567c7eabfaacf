/** The models of a mesh, asked over HTTP as any other program asks. */
import type { HttpModel, ModelsReply } from '#shared/contracts/http/models.ts'
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import { HaifError } from '#shared/errors.ts'
import { readInteger, type Environment } from '#shared/process/config.ts'

const ASK_MS_MAX = 5000

/** The address of the bridge, without a slash at its end. */
export function askedUrl(given: string | undefined, env: Environment): string {
  const port = readInteger(env, 'PORT', { default: 8080, min: 1, max: 65_535 })
  const text = given ?? env['HAIF_URL'] ?? `http://127.0.0.1:${port}`
  if (URL.canParse(text) && /^https?:/.test(text)) return text.replace(/\/+(v1\/*)?$/, '')
  throw new HaifError(
    'VALIDATION_FAILED',
    `${JSON.stringify(text)} is no address: write it like http://127.0.0.1:8080`
  )
}

export async function readModels(url: string, token: string | undefined): Promise<HttpModel[]> {
  const headers: Record<string, string> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  const reply = await fetch(`${url}/v1/models`, {
    headers,
    signal: AbortSignal.timeout(ASK_MS_MAX)
  }).catch((error: unknown) => {
    throw new HaifError(
      'NO_PEER',
      `nothing answers at ${url}: start HAIF with "haif up", or say where it is with --url`,
      { cause: error }
    )
  })
  if (reply.status === 401) {
    throw new HaifError('UNAUTHENTICATED', `${url} needs a token: set HAIF_TOKEN`)
  }
  const body = (await reply.json().catch(() => ({}))) as Partial<ModelsReply>
  if (reply.ok && Array.isArray(body.data)) return body.data
  throw new HaifError('NO_PEER', `what answers at ${url} is not HAIF, or cannot say its models`)
}

/** The model of that name, or the default; never the built-in one where there is a real one. */
export function chooseModel(models: readonly HttpModel[], wanted: string | undefined): string {
  const names = models.map(({ id }) => id)
  if (wanted !== undefined) return wanted // it may be an alias, which is in no list
  const usable = models.filter(({ workers, workers_loadable: more = 0 }) => workers + more > 0)
  const [first] = usable.toSorted((a, b) => rank(a) - rank(b))
  if (first !== undefined) return first.id
  throw new HaifError(
    'MODEL_NOT_FOUND',
    names.length === 0
      ? 'the mesh has no model yet: "haif join … --model URI" brings one'
      : `no worker has a model ready; the mesh knows ${names.join(', ')}`
  )
}

/** The default of the mesh first, and the built-in one last. */
const rank = ({ id, default: isDefault = false }: HttpModel): number =>
  id === BUILTIN_NAME ? 2 : isDefault ? 0 : 1
