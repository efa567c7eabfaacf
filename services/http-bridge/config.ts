/** Settings of the bridge. */
import { HaifError } from '#shared/errors.ts'
import { readChoice, readInteger, readString, type Environment } from '#shared/process/config.ts'

export const REQUEST_TIMEOUT_MS = 600_000
const DAY_MS = 86_400_000

interface BridgeConfig {
  /** `HOST` */
  host: string
  /** `PORT`; 0 takes any free port. */
  port: number
  /** `OLLAMA_PORT`: listens there too, for programs that know only Ollama's 11434; 0: does not. */
  ollamaPort: number
  /** `REQUEST_TIMEOUT_MS`: the longest time that a request may take. */
  requestTimeoutMs: number
  /** `HAIF_ALLOWED_HOSTS`: names under which a proxy or a tunnel shows the bridge to browsers. */
  allowedHosts: readonly string[]
  /** `CORS_ORIGINS`: pages of other origins that may ask, with a token. */
  corsOrigins: readonly string[]
  /** `HAIF_ALLOW_ANONYMOUS` lets everybody who reaches the bridge ask, from other machines too. */
  allowAnonymous: boolean
}

/** Options that a person gives, which come before the environment. */
export type BridgeWishes = Partial<
  Pick<BridgeConfig, 'host' | 'port' | 'ollamaPort' | 'allowAnonymous'>
>

export function readBridgeConfig(env: Environment, wishes: BridgeWishes = {}): BridgeConfig {
  const timeout = { default: REQUEST_TIMEOUT_MS, min: 1, max: DAY_MS }
  return {
    host: wishes.host ?? readString(env, 'HOST', '127.0.0.1'),
    port: wishes.port ?? readInteger(env, 'PORT', { default: 8080, min: 0, max: 65_535 }),
    ollamaPort:
      wishes.ollamaPort ?? readInteger(env, 'OLLAMA_PORT', { default: 0, min: 0, max: 65_535 }),
    allowedHosts: readList(env, 'HAIF_ALLOWED_HOSTS'),
    corsOrigins: readList(env, 'CORS_ORIGINS').map(asOrigin),
    requestTimeoutMs: readInteger(env, 'REQUEST_TIMEOUT_MS', timeout),
    allowAnonymous:
      wishes.allowAnonymous ?? readChoice(env, 'HAIF_ALLOW_ANONYMOUS', ['0', '1'], '0') === '1'
  }
}

const readList = (env: Environment, name: string): string[] =>
  readString(env, name, '')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')

/** A scheme of programs, whose pages have names that change: `app://`, `chrome-extension://`. */
const SCHEME = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/$/
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/i

function asOrigin(entry: string): string {
  const origin = entry.toLowerCase().replace(/(?<=[^/:])\/$/, '')
  if (SCHEME.test(origin) || ORIGIN.test(origin)) return origin
  throw new HaifError(
    'CONFIG_INVALID',
    `CORS_ORIGINS: ${JSON.stringify(entry)} is no origin: write each as a browser shows it, such ` +
      'as https://chat.example.org or http://localhost:5173; of programs a scheme such as app:// ' +
      'will do'
  )
}
