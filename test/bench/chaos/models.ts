/** Model files under load: of two workers that hold them, and of one that has yet to fetch its. */
import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../helpers/random.ts'
import { until } from '../../helpers/until.ts'
import type { Lie } from '../../services/worker/models/download/models-hub.ts'
import { AUTHORIZED, type ChaosMesh } from './chaos-mesh.ts'
import { builtinBytes, copyBuiltin } from './model-file.ts'

/** From an honest hub, on a machine that has other things to do. */
const FETCHED_MS_MAX = 60_000
const HTML = '<!DOCTYPE html><html><body>Welcome to Hotel WiFi</body></html>'

/** Other weights of the same size, in place or under the name; then the right ones again. */
export async function replaceFile({ files }: ChaosMesh, ms: number, random: Random) {
  const file = random.pick(files)
  const bytes = builtinBytes()
  for (let at = bytes.length >> 1; at < bytes.length; at += 97) bytes[at]! ^= 0x55
  if (random.next() < 0.5) writeFileSync(file, bytes)
  else {
    writeFileSync(`${file}.new`, bytes)
    renameSync(`${file}.new`, file)
  }
  await sleep(ms)
  copyBuiltin(`${file}.new`)
  renameSync(`${file}.new`, file)
}

/** A hub that lies while a worker downloads from it, and tells the truth in the end. */
async function lyingHub(mesh: ChaosMesh, ms: number, lie: Lie) {
  let lies = 0
  mesh.hub.setup.lie = (asked) => lie(asked) && ++lies > 0
  const worker = mesh.addWorker({
    MODEL_ID: 'fetched=hf:user/tiny-GGUF:Q8_0',
    HF_ENDPOINT: mesh.hub.hub.endpoint
  })
  await until(() => lies > 0, FETCHED_MS_MAX).catch(() => {})
  await sleep(ms)
  delete mesh.hub.setup.lie
  const isServed = async () => {
    const models = await fetch(`${mesh.deployment.url}/v1/models`, { headers: AUTHORIZED })
    return models.ok && (await models.text()).includes('"fetched"')
  }
  await until(isServed, FETCHED_MS_MAX).catch(() =>
    mesh.logged.add('undefined: the model of a hub that tells the truth again is never served')
  )
  worker.kill('SIGKILL')
}

const LIES: [name: string, says: RegExp, lie: Lie][] = [
  [
    'gives a login page for a model',
    /hf:user.*answers with a web page/,
    ({ what, response }) => {
      if (what !== 'bytes') return false
      response.writeHead(200, { 'content-type': 'text/html' }).end(HTML)
      return true
    }
  ],
  [
    'gives all of a file for a part',
    /hf:user.*answers with other bytes than it was asked for/,
    ({ what, file, start, response }) => {
      if (what !== 'bytes') return false
      response.writeHead(206, { 'content-range': `bytes ${start}-/${file.length}` })
      response.end(file)
      return true
    }
  ],
  [
    'breaks off',
    /hf:user.*(cannot be reached|ended before)/,
    ({ what, file, response }) => {
      if (what !== 'bytes') return false
      response.writeHead(200, { 'content-length': file.length })
      response.write(file.subarray(0, 1000), () => response.destroy())
      return true
    }
  ],
  [
    'is too busy',
    /hf:user.*is busy/,
    ({ what, response }) => {
      if (what !== 'manifest') return false
      response.writeHead(503, { 'retry-after': '1' }).end('busy')
      return true
    }
  ],
  [
    'gives other bytes',
    /hf:user.*(no GGUF file|the SHA-256 of)/,
    ({ what, file, start, response }) => {
      if (what !== 'bytes') return false
      const range = `bytes ${start}-${file.length - 1}/${file.length}`
      response.writeHead(206, { 'content-range': range })
      response.end(Buffer.alloc(file.length - start, 7)) // as long as it should be
      return true
    }
  ]
]

export const HUB_FAULTS = LIES.map(([name, says, lie]) => ({
  name: `hub ${name}`,
  says,
  run: (mesh: ChaosMesh, ms: number) => lyingHub(mesh, ms, lie)
}))
