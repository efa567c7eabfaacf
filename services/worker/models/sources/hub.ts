/**
 * The Hugging Face hub, or a mirror of it: from a URI to the files behind it, with the size and the
 * SHA-256 that the hub itself gives for each.
 */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'

const ANSWER_MS_MAX = 15_000
const REDIRECTS_MAX = 5
const PARTS_MAX = 512

export interface Hub {
  /** Without a slash at the end. */
  endpoint: string
  token?: string
}

export const PUBLIC_HUB: Hub = { endpoint: 'https://huggingface.co' }

/** `HF_ENDPOINT`: a mirror. `HF_TOKEN`: for private and gated models. */
export function readHub(env: Environment): Hub {
  const endpoint = readString(env, 'HF_ENDPOINT', PUBLIC_HUB.endpoint).replace(/\/+$/, '')
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new HaifError(
      'CONFIG_INVALID',
      `HF_ENDPOINT=${endpoint} cannot be used: it must be a URL`
    )
  }
  const token = readString(env, 'HF_TOKEN', '')
  return token === '' ? { endpoint } : { endpoint, token }
}

export interface HubUri {
  /** The URI as it was given. */
  text: string
  user: string
  repo: string
  revision: string
  /** One file of the repository, or whichever file has a quantisation. */
  wanted: { kind: 'file'; path: string } | { kind: 'quantization'; tag: string }
  /** The name of the model: file and quantisation, in lower case. */
  name: string
}

const REPO_URI = /^hf:(?<user>\w[\w.-]*)\/(?<repo>\w[\w.-]*)(?::(?<tag>\w[\w.-]*))?$/
const FILE_URI =
  /^hf:(?<user>\w[\w.-]*)\/(?<repo>\w[\w.-]*)\/(?<path>[^#?]+\.gguf)(?:#(?<revision>\w[\w.-]*))?$/i
// A path on the hub becomes a file name here, so it must be harmless on every system.
const PATH_PART = /^[^.\\:*?"<>|\p{Cc}][^\\:*?"<>|\p{Cc}]*$/u
const SPLIT = /-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/i

export function parseHubUri(text: string): HubUri {
  const file = FILE_URI.exec(text)?.groups
  if (file !== undefined) {
    const { user = '', repo = '', path = '', revision = 'main' } = file
    if (!path.split('/').every((part) => PATH_PART.test(part))) throw invalidUri(text)
    const name = path
      .split('/')
      .at(-1)!
      .replace(SPLIT, '')
      .replace(/\.gguf$/i, '')
      .toLowerCase()
    return { text, user, repo, revision, wanted: { kind: 'file', path }, name }
  }
  const groups = REPO_URI.exec(text)?.groups
  if (groups === undefined) throw invalidUri(text)
  const { user = '', repo = '', tag } = groups
  const model = repo.replace(/-gguf$/i, '')
  const name = (tag === undefined ? model : `${model}-${tag}`).toLowerCase()
  const wanted = { kind: 'quantization', tag: tag ?? 'latest' } as const
  return { text, user, repo, revision: 'main', wanted, name }
}

function invalidUri(text: string): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `"${text}" cannot be used as a model: write hf:user/repo:QUANT or hf:user/repo/file.gguf`
  )
}

export interface HubFile {
  url: string
  /** Null where the hub does not say. */
  sizeBytes: number | null
  sha256: string | null
}

/** The files of a model, the one to load first; more than one when it is split. */
export async function locateModel(hub: Hub, uri: HubUri): Promise<HubFile[]> {
  const path = uri.wanted.kind === 'file' ? uri.wanted.path : await resolveTag(hub, uri)
  return Promise.all(partsOf(path).map((part) => locateFile(hub, uri, part)))
}

/** The hub picks the file for a quantisation, as it does for llama.cpp and Ollama. */
async function resolveTag(hub: Hub, uri: HubUri): Promise<string> {
  if (uri.wanted.kind === 'file') return uri.wanted.path
  const { tag } = uri.wanted
  const url = `${hub.endpoint}/v2/${uri.user}/${uri.repo}/manifests/${tag}`
  // Without this user agent the manifest lacks `ggufFile` (llama.cpp, pull request 11195).
  const response = await ask(hub, uri, url, { headers: { 'user-agent': 'llama-cpp' } })
  if (response.status === 400) throw failed(uri, `the repository has no file for ${tag}`)
  assertOk(hub, uri, response)
  const manifest: unknown = await response.json().catch(() => null)
  const path = manifestSchema.Check(manifest) ? manifest.ggufFile.rfilename : ''
  if (path.split('/').every((part) => PATH_PART.test(part))) return path
  throw failed(uri, `${hub.endpoint} gave no file for ${tag}; name one: hf:user/repo/file.gguf`)
}

const manifestSchema = Compile(
  Type.Object({ ggufFile: Type.Object({ rfilename: Type.String({ maxLength: 1024 }) }) })
)

function partsOf(path: string): string[] {
  const parts = Number(SPLIT.exec(path)?.groups?.['parts'] ?? 1)
  if (parts <= 1 || parts > PARTS_MAX) return [path]
  const total = String(parts).padStart(5, '0')
  return Array.from({ length: parts }, (_, i) =>
    path.replace(SPLIT, `-${String(i + 1).padStart(5, '0')}-of-${total}.gguf`)
  )
}

async function locateFile(hub: Hub, uri: HubUri, path: string): Promise<HubFile> {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const { user, repo, revision } = uri
  const url = `${hub.endpoint}/${user}/${repo}/resolve/${encodeURIComponent(revision)}/${encoded}`
  const { headers } = await headOf(hub, uri, url)
  // Large files live on another host; what the hub knows of them is on the redirect to it.
  const size = Number(headers.get('x-linked-size') ?? headers.get('content-length') ?? NaN)
  const sha256 = /^"?(?<hex>[0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '')?.groups?.[
    'hex'
  ]
  return { url, sizeBytes: size > 0 ? size : null, sha256: sha256 ?? null }
}

/** Follows the redirects of the hub itself, as for a repository that was renamed. */
async function headOf(hub: Hub, uri: HubUri, url: string): Promise<Response> {
  for (let redirects = 0; ; redirects++) {
    const response = await ask(hub, uri, url, { method: 'HEAD', redirect: 'manual' })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) {
      assertOk(hub, uri, response)
      return response
    }
    const next = new URL(location, url)
    if (next.origin !== new URL(url).origin || response.headers.has('x-linked-size')) {
      return response
    }
    if (redirects === REDIRECTS_MAX) throw failed(uri, `${hub.endpoint} redirects in a circle`)
    url = next.href
  }
}

async function ask(hub: Hub, uri: HubUri, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (hub.token !== undefined) headers.set('authorization', `Bearer ${hub.token}`)
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    return await fetch(url, { ...init, headers, signal })
  } catch (error) {
    const problem = `${hub.endpoint} cannot be reached (${networkReason(error)}); check the network and run it again`
    throw mayPass(uri, problem, error)
  }
}

/** `fetch` says only that it failed; why is in the cause. */
function networkReason(error: unknown): string {
  return reasonOf(error instanceof Error && error.cause instanceof Error ? error.cause : error)
}

function assertOk(hub: Hub, { text, user, repo }: HubUri, { ok, status }: Response): void {
  if (ok) return
  const uri = { text }
  if (status === 401) {
    const remedy = 'check the name, or set HF_TOKEN to a token that may read it'
    throw failed(uri, `it does not exist or is not public; ${remedy}`)
  }
  if (status === 403) {
    throw failed(
      uri,
      `the token may not read it; accept its terms at ${hub.endpoint}/${user}/${repo} and set HF_TOKEN`
    )
  }
  if (status === 404)
    throw failed(uri, `there is no such file; see ${hub.endpoint}/${user}/${repo}`)
  throw mayPass(uri, `${hub.endpoint} answered with status ${status}; run it again later`)
}

export function failed({ text }: Pick<HubUri, 'text'>, reason: string, cause?: unknown): HaifError {
  return new HaifError('DOWNLOAD_FAILED', `${text} cannot be downloaded: ${reason}`, { cause })
}

/** A failure that may pass by itself: the worker tries again. */
export function mayPass(uri: Pick<HubUri, 'text'>, reason: string, cause?: unknown): HaifError {
  const { code, message } = failed(uri, reason)
  return new HaifError(code, message, { cause, retryAfterMs: AGAIN_MS })
}

const AGAIN_MS = 10_000
