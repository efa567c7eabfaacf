/** The Hugging Face hub, or a mirror of it: how it is reached, and what a URI names there. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { withoutPart } from '../split-files.ts'

export interface Hub {
  /** Without a slash at the end. */
  endpoint: string
  token?: string
  /** Where the token came from, for messages. */
  tokenFrom?: string
  /** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in capitals or not. */
  proxies?: Record<string, string>
}

export const PUBLIC_HUB: Hub = { endpoint: 'https://huggingface.co' }

/**
 * `HF_ENDPOINT`: a mirror. `HF_TOKEN`: for private and gated models; without it the token that
 * `hf auth login` has saved. `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`: as for other programs.
 */
export function readHub(env: Environment): Hub {
  const endpoint = readString(env, 'HF_ENDPOINT', PUBLIC_HUB.endpoint).replace(/\/+$/, '')
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new HaifError(
      'CONFIG_INVALID',
      `HF_ENDPOINT=${endpoint} cannot be used: it must be a URL`
    )
  }
  const proxies = proxiesIn(env)
  const hub = Object.keys(proxies).length === 0 ? { endpoint } : { endpoint, proxies }
  const token = readString(env, 'HF_TOKEN', '')
  if (token !== '') return { ...hub, token, tokenFrom: 'HF_TOKEN' }
  const saved = isSafeFor(endpoint) ? savedToken(env) : null
  return saved === null ? hub : { ...hub, ...saved }
}

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']

function proxiesIn(env: Environment): Record<string, string> {
  const names = PROXIES.flatMap((name) => [name, name.toLowerCase()])
  const given = names.map((name) => [name, readString(env, name, '')] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

/** Nobody has said that a saved token may be seen on the way to a mirror. */
function isSafeFor(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint)
  return protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}

/** Null where nobody has logged in, or the hub's own command line would not use it either. */
function savedToken(env: Environment): Pick<Hub, 'token' | 'tokenFrom'> | null {
  if (/^(1|on|yes|true)$/i.test(readString(env, 'HF_HUB_DISABLE_IMPLICIT_TOKEN', ''))) return null
  const cache = readString(env, 'XDG_CACHE_HOME', join(homedir(), '.cache'))
  const home = readString(env, 'HF_HOME', join(cache, 'huggingface'))
  const file = readString(env, 'HF_TOKEN_PATH', join(home, 'token'))
  try {
    const token = readFileSync(file, 'utf8').trim()
    return /^[\x21-\x7E]{1,256}$/.test(token) ? { token, tokenFrom: `the token in ${file}` } : null
  } catch {
    return null // there is none, or it is not for us
  }
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
export const PATH_PART = /^[^.\\:*?"<>|\p{Cc}][^\\:*?"<>|\p{Cc}]*$/u

export function parseHubUri(text: string): HubUri {
  const file = FILE_URI.exec(text)?.groups
  if (file !== undefined) {
    const { user = '', repo = '', path = '', revision = 'main' } = file
    if (!path.split('/').every((part) => PATH_PART.test(part))) throw invalidUri(text)
    const name = withoutPart(path.split('/').at(-1)!).toLowerCase()
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

export function failed({ text }: Pick<HubUri, 'text'>, reason: string, cause?: unknown): HaifError {
  return new HaifError('DOWNLOAD_FAILED', `${text} cannot be downloaded: ${reason}`, { cause })
}

/** A failure that may pass by itself: the worker tries again, at the earliest after so long. */
export function mayPass(
  uri: Pick<HubUri, 'text'>,
  reason: string,
  cause?: unknown,
  retryAfterMs = 0
): HaifError {
  const { code, message } = failed(uri, reason)
  return new HaifError(code, message, { cause, retryAfterMs: Math.max(AGAIN_MS, retryAfterMs) })
}

const AGAIN_MS = 1000
