/** Listens for HTTP; its errors say what to do when that is not possible. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { HaifError } from '#shared/errors.ts'

interface ListenOptions {
  host: string
  port: number
  /** Where a person says the port: an option and a variable. */
  setting?: PortSetting
}

interface PortSetting {
  option: string
  variable: string
}

const PORT: PortSetting = { option: '--port', variable: 'PORT' }
export const OLLAMA_PORT: PortSetting = { option: '--ollama-port', variable: 'OLLAMA_PORT' }

export async function listen(app: FastifyInstance, options: ListenOptions): Promise<void> {
  try {
    await app.listen({ host: options.host, port: options.port })
  } catch (error) {
    throw translate(error, options)
  }
}

/**
 * Lets the same server answer at a second port: it takes each connection as its own, with the same
 * bounds and times. Closed with the app.
 */
export async function listenToo(app: FastifyInstance, options: ListenOptions): Promise<void> {
  const { host, port } = options
  const second = createServer((socket) => app.server.emit('connection', socket))
  second.maxConnections = app.server.maxConnections
  try {
    await once(second.listen({ host, port }), 'listening')
  } catch (error) {
    throw translate(error, options)
  }
  app.server.once('close', () => second.close())
}

/** Fails as `listen` would, for who wants to know it before more is started. */
export async function assertMayListen(options: ListenOptions): Promise<void> {
  const { host, port } = options
  if (port === 0) return
  const server = createServer()
  try {
    await once(server.listen({ host, port }), 'listening')
  } catch (error) {
    throw translate(error, options)
  }
  await once(server.close(), 'close')
}

/** The address for clients on this machine. */
export function urlOf(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${bracketed(ANY_ADDRESS.has(host) ? '127.0.0.1' : host)}:${port}`
}

/** Hosts that stand for every address of the machine; no browser can open them. */
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', ''])

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function translate(error: unknown, { host, port, setting = PORT }: ListenOptions): unknown {
  const { option, variable } = setting
  const where = `${bracketed(host)}:${port}`
  const { code = '' } = error as NodeJS.ErrnoException
  switch (code) {
    case 'EADDRINUSE':
      return new HaifError(
        'PORT_IN_USE',
        `${where} is taken by another program; choose another port with ${option} or ${variable}, ` +
          `e.g. ${option} ${port < 65_535 ? port + 1 : port - 1}`,
        { cause: error }
      )
    case 'EACCES':
      return new HaifError(
        'CONFIG_INVALID',
        `you may not listen on ${where}; choose a port from 1024 with ${option} or ${variable}`,
        { cause: error }
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new HaifError(
        'CONFIG_INVALID',
        `this machine has no address ${host}; choose another with HOST, e.g. HOST=127.0.0.1`,
        { cause: error }
      )
    default:
      return error
  }
}
