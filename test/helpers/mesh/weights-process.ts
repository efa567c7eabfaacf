/**
 * A worker in a process of its own that gives and fetches weights, and does the same over plain
 * HTTP to be compared with; started and told what to do by weights-host.ts.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline } from 'node:stream/promises'
import process from 'node:process'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { Pace } from '../../../services/worker/weights/pace.ts'
import { Weights } from '../../../services/worker/weights/weights.ts'
import { createWorker } from '../../../services/worker/worker.ts'
import { decodeRoot } from '../peers/mesh-root.ts'
import { memberOf } from '../peers/member.ts'

export interface HolderOptions {
  topicKey: string
  folder: string
  bytesPerSecond?: number
}

export type ToHolder =
  /** Once an orchestrator knows of those who have it. */
  | { kind: 'fetch'; digest: string; folder: string }
  | { kind: 'look' }
  | { kind: 'serve'; path: string }
  | { kind: 'get'; url: string; path: string }

export type FromHolder =
  | { kind: 'started'; key: string }
  | { kind: 'progress'; bytes: number }
  | { kind: 'served'; url: string }
  | { kind: 'done'; ms: number; cpuMs: number; faults: string[] }

const options = JSON.parse(process.argv[2]!) as HolderOptions
const { folder, bytesPerSecond = Infinity } = options
const topicKey = decodeRoot(options.topicKey)
const log = silentLogger()
const config = { seeds: true, fetches: true, bytesPerSecond, diskBytes: Infinity }
const weights = new Weights({ folder, config, log })
const ready = Promise.withResolvers<Mesh>()
const worker = createWorker({
  join(router) {
    const member = memberOf(topicKey, 'worker')
    const mesh = new Mesh({
      dht: createDht(topicKey),
      ...member,
      router,
      localSockets: true,
      lookupMs: 200,
      log
    })
    ready.resolve(mesh)
    return mesh
  },
  models: [],
  weights,
  self: { host: 'holder', version: '0.0.0' },
  drainMs: 0,
  onDrain: () => {},
  log
})

const say = (message: FromHolder) => void process.send?.(message)
process.on('disconnect', () => process.exit())
process.on('message', (message: ToHolder) => void act(message))
await worker.start()
say({ kind: 'started', key: (await ready.promise).key })

async function act(message: ToHolder): Promise<void> {
  if (message.kind === 'serve') return serve(message.path)
  const faults: string[] = []
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  if (message.kind === 'fetch') await fetch(message, faults)
  else if (message.kind === 'look') await weights.look()
  else await download(message)
  const { user, system } = process.cpuUsage(cpu)
  const ms = performance.now() - startedAt
  say({ kind: 'done', ms, cpuMs: (user + system) / 1000, faults })
}

async function fetch(
  { digest, folder: to }: Extract<ToHolder, { kind: 'fetch' }>,
  faults: string[]
): Promise<void> {
  const wanted = { digest, folder: to, name: 'got' }
  const { signal } = new AbortController()
  const onProgress = ({ bytes }: { bytes: number }) => say({ kind: 'progress', bytes })
  const hooks = { onProgress, onFault: (fault: string) => faults.push(fault), signal }
  for (;;) {
    const found = await weights.fetch(wanted, hooks).catch((error: unknown) => {
      faults.push(String(error))
      return null
    })
    if (found !== null) return
    await sleep(AGAIN_MS)
  }
}

const AGAIN_MS = 50

function serve(path: string): void {
  const pace = new Pace({ bytesPerSecond, isBusy: () => false })
  const { signal } = new AbortController()
  const server = createServer((_request, response) => {
    const file = createReadStream(path, { highWaterMark: 256 << 10 })
    const paced = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        await pace.take(chunk.length, signal)
        yield chunk
      }
    }
    void (bytesPerSecond === Infinity ? pipeline(file, response) : pipeline(file, paced, response))
  })
  server.listen(0, '127.0.0.1', () => {
    say({ kind: 'served', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
  })
}

async function download({ url, path }: Extract<ToHolder, { kind: 'get' }>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  get(url, resolve).on('error', reject)
  await pipeline(await promise, createWriteStream(path))
}
