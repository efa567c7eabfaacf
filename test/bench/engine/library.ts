/** The library's own loop, in a process of its own as HAIF's engine is. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FromLibrary, LibraryOptions, ToLibrary } from './library-messages.ts'
import type { Ask, Run, Subject } from './streams.ts'

export async function startLibrary(options: LibraryOptions): Promise<Subject> {
  const child = fork(fileURLToPath(new URL('library-child.ts', import.meta.url)))
  await call(child, { kind: 'load', options })
  return {
    run: (asks) => run(child, asks),
    close: async () => {
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
    }
  }
}

async function run(child: ChildProcess, asks: readonly Ask[]): Promise<Run> {
  const reply = await call(child, { kind: 'run', asks: [...asks] })
  if (reply.kind !== 'ran') throw new Error('the library answered something else')
  return reply.run
}

async function call(child: ChildProcess, message: ToLibrary): Promise<FromLibrary> {
  const reply = new Promise<FromLibrary>((resolve, reject) => {
    const onMessage = (answer: FromLibrary) => {
      child.off('exit', onExit)
      resolve(answer)
    }
    const onExit = (code: number | null) => {
      child.off('message', onMessage)
      reject(new Error(`the process with the library's loop ended with ${code}`))
    }
    child.once('message', onMessage)
    child.once('exit', onExit)
  })
  child.send(message)
  return reply
}
