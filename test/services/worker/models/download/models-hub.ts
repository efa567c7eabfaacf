/**
 * A model hub on this machine that speaks as Hugging Face does: manifests by quantisation,
 * redirects to another host for the bytes, ranges, and the SHA-256 of each file on the redirect.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Hub } from '../../../../../services/worker/models/sources/hub.ts'

interface HubSetup {
  /** By path in the repository `user/tiny-GGUF`. */
  files: Record<string, Buffer>
  /** File of a quantisation. */
  tags?: Record<string, string>
  /** Asks for this token. */
  token?: string
  /** What it says the SHA-256 is, in place of the truth. */
  sha256?: string
  /** Bytes to send of a range before the connection is cut or left hanging; null: all. */
  sendOnly?: (start: number) => { bytes: number; ending: 'cut' | 'hang' } | null
  /** Answers in place of the truth where it returns true. */
  lie?: Lie
}

/** `what`: which of the questions of a download it is. */
export type Lie = (asked: Asked) => boolean

export interface Asked {
  what: 'manifest' | 'head' | 'resolve' | 'bytes'
  /** What a truthful answer would send. */
  file: Buffer
  start: number
  request: IncomingMessage
  response: ServerResponse
}

export class TestHub {
  readonly setup: HubSetup
  readonly requests: string[] = []
  /** Bytes of the ranges that were asked for. */
  rangeBytes = 0
  port = 0

  constructor(setup: HubSetup) {
    this.setup = setup
  }

  get hub(): Hub {
    return { endpoint: `http://127.0.0.1:${this.port}` }
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url!, 'http://hub')
    this.requests.push(`${request.method} ${pathname}`)
    if (this.#lies(pathname, request, response)) return
    if (pathname.startsWith('/cdn/')) return this.#send(pathname.slice(5), request, response)
    const { token } = this.setup
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return end(response, 401)
    }
    const tag = /^\/v2\/user\/tiny-GGUF\/manifests\/(.+)$/.exec(pathname)?.[1]
    if (tag !== undefined) return this.#manifest(tag, response)
    const path = /^\/user\/tiny-GGUF\/resolve\/main\/(.+)$/.exec(pathname)?.[1]
    return this.#redirect(path ?? '', response)
  }

  #lies(pathname: string, request: IncomingMessage, response: ServerResponse): boolean {
    const [, name = ''] = /^\/cdn\/(.+)$/.exec(pathname) ?? []
    const isHead = request.method === 'HEAD'
    const what = name !== '' ? 'bytes' : isHead ? 'head' : 'resolve'
    const file = this.setup.files[name] ?? Buffer.alloc(0)
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const asked = pathname.includes('/manifests/') ? 'manifest' : what
    return this.setup.lie?.({ what: asked, file, start, request, response }) ?? false
  }

  #manifest(tag: string, response: ServerResponse): void {
    const rfilename = this.setup.tags?.[tag]
    if (rfilename === undefined) return end(response, 400)
    response.end(JSON.stringify({ ggufFile: { rfilename } }))
  }

  #redirect(path: string, response: ServerResponse): void {
    const file = this.setup.files[path]
    if (file === undefined) return end(response, 404)
    const sha256 = this.setup.sha256 ?? createHash('sha256').update(file).digest('hex')
    response.writeHead(302, {
      location: `http://localhost:${this.port}/cdn/${path}`, // another origin
      'x-linked-size': file.length,
      'x-linked-etag': `"${sha256}"`
    })
    response.end()
  }

  #send(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.setup.files[path]
    if (file === undefined) return end(response, 404)
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (first === undefined) {
      response.writeHead(200, { 'accept-ranges': 'bytes', 'content-length': file.length })
      response.end(file)
      return
    }
    const start = Number(first)
    const part = file.subarray(start, Number(last) + 1)
    this.rangeBytes += part.length
    response.writeHead(206, {
      'content-length': part.length,
      'content-range': `bytes ${first}-${last}/${file.length}`
    })
    const limit = this.setup.sendOnly?.(start) ?? null
    if (limit === null) response.end(part)
    else {
      response.write(part.subarray(0, limit.bytes), () => {
        if (limit.ending === 'cut') response.destroy()
      })
    }
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status)
  response.end()
}

export async function startHub(t: TestContext, setup: HubSetup): Promise<TestHub> {
  const hub = new TestHub(setup)
  const server = createServer(hub.answer)
  server.listen(0)
  await once(server, 'listening')
  hub.port = (server.address() as AddressInfo).port
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return hub
}
