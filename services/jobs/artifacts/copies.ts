/**
 * Copies of artifacts in an S3 server, so that they outlive the machines that made them. Only jobs
 * services know its keys: a worker's artifacts pass through here.
 */
import { ReadableStream } from 'node:stream/web'
import type { S3mini } from 's3mini'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { readSecret, readString, type Environment } from '#shared/process/config.ts'

export interface S3Config {
  /** With the bucket: `https://s3.example.org/bucket`. */
  endpoint: string
  region: string
  accessKeyId: string
  secretAccessKey: string
}

/** `S3_ENDPOINT`, `S3_REGION`, `S3_ACCESS_KEY_ID`, `S3_SECRET_ACCESS_KEY`; null: no copies. */
export function readS3(env: Environment): S3Config | null {
  const endpoint = readString(env, 'S3_ENDPOINT', '')
  if (endpoint === '') return null
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname.length < 2) {
    throw new HaifError(
      'CONFIG_INVALID',
      `S3_ENDPOINT=${endpoint} cannot be used: it must be a URL that ends with the bucket, as in https://s3.example.org/haif`
    )
  }
  const accessKeyId = readSecret(env, 'S3_ACCESS_KEY_ID')
  const secretAccessKey = readSecret(env, 'S3_SECRET_ACCESS_KEY')
  if (accessKeyId === null || secretAccessKey === null) {
    const message = 'S3_ENDPOINT needs S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or both as _FILE'
    throw new HaifError('CONFIG_INVALID', message)
  }
  const region = readString(env, 'S3_REGION', 'us-east-1')
  return { endpoint: endpoint.replace(/\/+$/, ''), region, accessKeyId, secretAccessKey }
}

const MEDIA_TYPE = 'application/octet-stream'

export class Copies {
  readonly #config: S3Config
  #opened: Promise<S3mini> | null = null

  constructor(config: S3Config) {
    this.#config = config
  }

  /** Resolves when the server has all of it. */
  async put(sha256: string, body: AsyncIterable<Uint8Array>, bytes: number): Promise<void> {
    const client = await this.#client()
    const stream = ReadableStream.from(body) as unknown as globalThis.ReadableStream
    try {
      // An empty stream would be an upload of no parts, which servers refuse.
      if (bytes === 0) await client.putObject(keyOf(sha256), Buffer.alloc(0), MEDIA_TYPE)
      else await client.putAnyObject(keyOf(sha256), stream, MEDIA_TYPE)
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  /** The bytes from `from` up to and without `to`. */
  async *read(sha256: string, from: number, to: number): AsyncGenerator<Uint8Array> {
    if (from >= to) return
    const client = await this.#client()
    const reply = await client
      .getObjectRaw(keyOf(sha256), false, from, to)
      .catch((error: unknown) => {
        throw this.#unavailable(error)
      })
    const { status, body } = reply
    if ((status !== 200 && status !== 206) || body === null) {
      throw this.#unavailable(new Error(`it answered with status ${status}`))
    }
    yield* body as unknown as AsyncIterable<Uint8Array>
  }

  async drop(sha256: readonly string[]): Promise<void> {
    const client = await this.#client()
    for (const each of sha256) await client.deleteObject(keyOf(each))
  }

  /** Loaded with the first use: most meshes have no such server. */
  #client(): Promise<S3mini> {
    const open = async () => {
      const { S3mini: Client } = await import('s3mini')
      return new Client(this.#config)
    }
    this.#opened ??= open()
    return this.#opened
  }

  #unavailable(error: unknown): HaifError {
    if (error instanceof HaifError) return error
    const { endpoint } = this.#config
    const message = `${endpoint} does not answer as an S3 server (${reasonOf(error)}): check S3_ENDPOINT and its keys`
    return new HaifError('ARTIFACT_UNAVAILABLE', message, { cause: error })
  }
}

const keyOf = (sha256: string): string => `artifacts/${sha256.slice(0, 2)}/${sha256}`
