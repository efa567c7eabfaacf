/**
 * From the URI of a model to the files behind it on the Hugging Face hub, or on a mirror of it,
 * with the size and the SHA-256 that the hub itself gives for each.
 */
import type { HaifError } from '#shared/errors.ts'
import { httpTrouble } from '#shared/trouble/http.ts'
import { failed, mayPass, PATH_PART, type Hub, type HubUri } from '../sources/hub.ts'
import { partsOf } from '../split-files.ts'
import { retryAfterMsOf, WebFault, type Reply, type Web } from './web.ts'

export interface HubFile {
  url: string
  /** Null where the hub does not say. */
  sizeBytes: number | null
  sha256: string | null
}

interface LocateDeps {
  hub: Hub
  web: Web
  signal: AbortSignal
}

/** The files of a model, the one to load first; more than one when it is split. */
export async function locateModel(uri: HubUri, deps: LocateDeps): Promise<HubFile[]> {
  const path = uri.wanted.kind === 'file' ? uri.wanted.path : await resolveTag(uri, deps)
  const files: HubFile[] = []
  for (const part of partsOf(path)) files.push(await locateFile(uri, part, deps))
  return files
}

/** The hub picks the file for a quantisation, as it does for llama.cpp and Ollama. */
async function resolveTag(uri: HubUri, { hub, web, signal }: LocateDeps): Promise<string> {
  const tag = uri.wanted.kind === 'quantization' ? uri.wanted.tag : ''
  const url = `${hub.endpoint}/v2/${uri.user}/${uri.repo}/manifests/${tag}`
  // Without this user agent the manifest lacks `ggufFile` (llama.cpp, pull request 11195).
  const reply = await web.ask(url, { headers: { 'user-agent': 'llama-cpp' }, signal })
  if (reply.status === 400) throw failed(uri, `the repository has no file for ${tag}`)
  assertOk(uri, hub, reply)
  const text = await web.textOf(reply)
  if (isWebPage(text)) throw webPage(uri, reply)
  const path = fileIn(text)
  if (path?.split('/').every((part) => PATH_PART.test(part)) === true) return path
  throw failed(uri, `${hub.endpoint} gave no file for ${tag}; name one: hf:user/repo/file.gguf`)
}

/** `{"ggufFile": {"rfilename": "…"}}` */
function fileIn(text: string): string | null {
  try {
    const manifest = JSON.parse(text) as { ggufFile?: { rfilename?: unknown } } | null
    const path = manifest?.ggufFile?.rfilename
    return typeof path === 'string' && path.length <= PATH_CHARACTERS_MAX ? path : null
  } catch {
    return null // it is no JSON
  }
}

const PATH_CHARACTERS_MAX = 1024

async function locateFile(
  uri: HubUri,
  path: string,
  { hub, web, signal }: LocateDeps
): Promise<HubFile> {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const { user, repo, revision } = uri
  const url = `${hub.endpoint}/${user}/${repo}/resolve/${encodeURIComponent(revision)}/${encoded}`
  const reply = await web.ask(url, { method: 'HEAD', signal })
  reply.body.destroy()
  const { status, headers } = reply
  if (NO_HEAD.has(status)) return { url, sizeBytes: null, sha256: null }
  if (status < 300 || status > 399) assertOk(uri, hub, reply)
  // Large files live on another host; what the hub knows of them is on the redirect to it.
  const isWhole = headers['content-encoding'] === undefined && status === 200
  const length = isWhole ? headers['content-length'] : undefined
  const size = Number(headers['x-linked-size'] ?? length ?? NaN)
  const etag = String(headers['x-linked-etag'] ?? '')
  const sha256 = /^"?(?<hex>[0-9a-f]{64})"?$/.exec(etag)?.groups?.['hex']
  return { url, sizeBytes: size > 0 ? size : null, sha256: sha256 ?? null }
}

/** Servers that do not know the method; the file itself will tell. */
const NO_HEAD: ReadonlySet<number> = new Set([405, 501])

/** Throws unless the hub has given what it was asked for. */
export function assertOk(uri: HubUri, hub: Hub, { status, headers, url, body }: Reply): void {
  const trouble = httpTrouble(status)
  if (trouble === null) return
  body.destroy()
  const { user, repo } = uri
  const page = `${hub.endpoint}/${user}/${repo}`
  switch (status) {
    case 401:
      throw failed(
        uri,
        hub.token === undefined
          ? 'it does not exist or is not public; check the name, or set HF_TOKEN to a token that may read it'
          : `it does not exist, or ${hub.tokenFrom ?? 'the token'} is not valid; check both at ${page}`
      )
    case 403:
      throw failed(uri, `the token may not read it; accept its terms at ${page} and set HF_TOKEN`)
    case 404:
    case 410:
      throw failed(uri, `there is no such file; see ${page}`)
    default: {
      const { kind, what, remedy } = trouble
      const said = `${url.host} ${what} (status ${status})`
      if (kind === 'refuses us' && status >= 400) throw failed(uri, `${said}: ${remedy}`)
      throw new WebFault(said, retryAfterMsOf(headers['retry-after'], Date.now()))
    }
  }
}

export const isWebPage = (beginning: string): boolean =>
  /^\s*<(?:!doctype|html|\?xml)/i.test(beginning)

/** A login of a hotel, of a company's proxy, of a mirror. */
export function webPage(uri: HubUri, { url }: Pick<Reply, 'url'>): HaifError {
  const remedy = 'open that address in a browser on this machine to see what it wants'
  return mayPass(uri, `${url.origin} answers with a web page, perhaps of a login; ${remedy}`)
}
