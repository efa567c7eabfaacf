/** llama-server, as somebody would start it who has read its help: all cores, so many slots. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { until } from '../../helpers/until.ts'

interface LlamaServerOptions {
  modelPath: string
  threads: number
  slots: number
  contextTokens: number
}

interface LlamaServer extends AsyncDisposable {
  readonly url: string
}

export async function startLlamaServer(
  program: string,
  { modelPath, threads, slots, contextTokens }: LlamaServerOptions
): Promise<LlamaServer> {
  const port = await freePort()
  const flags = {
    '-m': modelPath,
    '-t': String(threads),
    '-tb': String(threads),
    '-np': String(slots),
    '-c': String(slots * contextTokens),
    '--host': '127.0.0.1',
    '--port': String(port)
  }
  const child = spawn(program, Object.entries(flags).flat(), { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill) // a benchmark that fails must not leave it behind
  const url = `http://127.0.0.1:${port}`
  const isUp = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false
    )
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`)
    return isUp()
  }, START_MS_MAX)
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill)
      kill()
      await exited
    }
  }
}

const START_MS_MAX = 60_000

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
