/**
 * Checks that Postgres and Redis answer, in their own protocols: Postgres is asked whether it
 * speaks TLS, Redis gets a PING. Neither needs a login, so a wrong password can be told from a
 * server that is away. The last answer and its time are metrics.
 */
import { connect } from 'node:net'
import { readString, type Environment } from '#shared/process/config.ts'
import { gauge, histogram } from './instruments.ts'
import type { Service } from '#shared/process/lifecycle.ts'

const ASK_MS = 5000
const ANSWER_MS_MAX = 2000

/** https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

interface Dependency {
  name: 'postgres' | 'redis'
  host: string
  port: number
  question: Buffer
}

/** `DATABASE_URL` and `REDIS_URL`: those that are set are asked. */
export function watchDependencies(env: Environment): Service {
  const dependencies = [
    dependency('postgres', readString(env, 'DATABASE_URL', ''), 5432, SSL_REQUEST),
    dependency('redis', readString(env, 'REDIS_URL', ''), 6379, Buffer.from('PING\r\n'))
  ].filter((each) => each !== null)
  const latency = histogram('haif_dependency_latency_seconds')
  const up = new Map<string, number>() // one for each dependency
  gauge('haif_dependency_up').addCallback((result) => {
    for (const [dependency, value] of up) result.observe(value, { dependency })
  })
  const ask = async (one: Dependency): Promise<void> => {
    const startedAt = performance.now()
    const answered = await answers(one)
    up.set(one.name, answered ? 1 : 0)
    if (!answered) return
    latency.record((performance.now() - startedAt) / 1000, { dependency: one.name })
  }
  const askAll = () => dependencies.forEach((each) => void ask(each))
  let timer: NodeJS.Timeout | undefined
  return {
    async start() {
      if (dependencies.length === 0) return
      askAll()
      timer = setInterval(askAll, ASK_MS)
    },
    async stop() {
      clearInterval(timer)
    }
  }
}

function dependency(
  name: Dependency['name'],
  url: string,
  defaultPort: number,
  question: Buffer
): Dependency | null {
  if (!URL.canParse(url)) return null
  const { hostname: host, port } = new URL(url)
  if (host === '') return null // a socket file: it is on this machine
  return { name, host, port: port === '' ? defaultPort : Number(port), question }
}

/** True when the other end says anything at all; resolves within ANSWER_MS_MAX. */
function answers({ host, port, question }: Dependency): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host, port }, () => socket.write(question))
  socket.setTimeout(ANSWER_MS_MAX, () => resolve(false))
  socket.once('data', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
