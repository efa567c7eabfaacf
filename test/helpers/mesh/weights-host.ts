/** Starts processes that give and fetch weights, and tells them what to do. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { atEnd, type Scope } from '../peers/peers.ts'
import type { FromHolder, HolderOptions, ToHolder } from './weights-process.ts'

const PROGRAM = fileURLToPath(new URL('weights-process.ts', import.meta.url))

type Done = Extract<FromHolder, { kind: 'done' }>

class HolderProcess {
  readonly key: string
  readonly #child: ChildProcess
  /** Bytes that had come at the last word of a fetch. */
  bytes = 0

  constructor(child: ChildProcess, key: string) {
    this.#child = child
    this.key = key
    child.on('message', (message: FromHolder) => {
      if (message.kind === 'progress') this.bytes = message.bytes
    })
  }

  fetch(digest: string, folder: string): Promise<Done> {
    return this.#ask({ kind: 'fetch', digest, folder }, 'done') as Promise<Done>
  }

  /** Over plain HTTP. */
  get(url: string, path: string): Promise<Done> {
    return this.#ask({ kind: 'get', url, path }, 'done') as Promise<Done>
  }

  /** Looks what is in its folder now. */
  async look(): Promise<void> {
    await this.#ask({ kind: 'look' }, 'done')
  }

  async serve(path: string): Promise<string> {
    const served = await this.#ask({ kind: 'serve', path }, 'served')
    return (served as Extract<FromHolder, { kind: 'served' }>).url
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  async #ask(message: ToHolder, answer: FromHolder['kind']): Promise<FromHolder> {
    const { promise, resolve, reject } = Promise.withResolvers<FromHolder>()
    const onMessage = (said: FromHolder) => said.kind === answer && resolve(said)
    const onExit = () => reject(new Error('the process has ended'))
    this.#child.on('message', onMessage).once('exit', onExit)
    this.#child.send(message)
    try {
      return await promise
    } finally {
      this.#child.off('message', onMessage).off('exit', onExit)
    }
  }
}

export async function startHolder(t: Scope, options: HolderOptions): Promise<HolderProcess> {
  const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: [] })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.once('message', (said: FromHolder) => said.kind === 'started' && resolve(said.key))
  child.once('exit', () => reject(new Error('the process has ended before it began')))
  const key = await promise
  const holder = new HolderProcess(child, key)
  atEnd(t, () => holder.kill())
  return holder
}
