/** A large model on its way while its processes are killed; with `HAIF_SOAK=1`. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { digestOfFile } from '../../../services/worker/models/file-digest.ts'
import { writeRecord } from '../../../services/worker/models/sources/local-model.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { startHolder } from '../../helpers/mesh/weights-host.ts'
import { encodeRoot } from '../../helpers/peers/mesh-root.ts'
import { until } from '../../helpers/until.ts'
import { MB, temporaryFolder } from '../../services/worker/weights/seeds.ts'

const MEGABYTES = 1024
const BYTES = MEGABYTES * MB
/** Slow enough to be killed on its way. */
const BYTES_PER_SECOND = 60e6
const isSoak = process.env['HAIF_SOAK'] === '1'
const LIMIT_MS = 600_000

async function makeModel(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const hash = createHash('sha256')
  await using file = await open(join(folder, 'model.gguf'), 'w')
  for (let nth = 0; nth < MEGABYTES; nth++) {
    const bytes = randomBytes(MB)
    hash.update(bytes)
    await file.writeFile(bytes)
  }
  const digest = hash.digest('hex')
  await writeRecord(join(folder, 'model.gguf'), digest)
  return digest
}

/** The same model, with one byte of every fourth chunk changed if it is a liar's. */
async function copyModel(from: string, to: string, digest: string, lies: boolean): Promise<void> {
  await mkdir(join(to, '.manifests'), { recursive: true })
  for (const name of ['model.gguf', 'model.gguf.sha256', join('.manifests', digest)]) {
    await copyFile(join(from, name), join(to, name))
  }
  if (!lies) return
  await using file = await open(join(to, 'model.gguf'), 'r+')
  for (let at = 0; at < BYTES; at += 16 * MB) await file.write(Buffer.from('!'), 0, 1, at)
}

test(
  'a gigabyte arrives whole, whoever is killed and whoever lies',
  { skip: isSoak ? false : 'takes minutes: HAIF_SOAK=1' },
  async (t) => {
    const folder = await temporaryFolder(t)
    const mesh = await startMesh(t, { workers: [], gateways: 0 })
    const topicKey = encodeRoot(mesh.topicKey)
    const holder = (name: string) =>
      startHolder(t, { topicKey, folder: join(folder, name), bytesPerSecond: BYTES_PER_SECOND })
    const digest = await makeModel(join(folder, 'a'))
    const [a, b, liar, first] = await Promise.all(['a', 'b', 'liar', 'to'].map(holder))
    const target = join(folder, 'to', 'got')
    void first!.fetch(digest, target).catch(() => {}) // it is killed
    await until(() => first!.bytes > BYTES * 0.1, LIMIT_MS) // so the manifest is made
    await copyModel(join(folder, 'a'), join(folder, 'liar'), digest, true)
    await copyModel(join(folder, 'a'), join(folder, 'b'), digest, false)
    for (const each of [b, liar]) await each!.look()
    assert.ok(first!.bytes < BYTES * 0.6, 'it was too fast to be killed on its way')
    await a!.kill() // so the first fetch goes on with the other two
    await until(() => first!.bytes > BYTES * 0.65, LIMIT_MS)
    await first!.kill()
    const second = await holder('to')
    const fetching = second.fetch(digest, target)
    await until(() => second.bytes > 0, LIMIT_MS)
    assert.ok(second.bytes > BYTES * 0.3, `only ${second.bytes} bytes were kept`)
    const { faults } = await fetching
    assert.equal(await digestOfFile(join(target, 'got.gguf')), digest)
    const blamed = `${liar!.key.slice(0, 8)}: it sent other bytes`
    assert.ok(
      faults.some((fault) => fault.startsWith(blamed)),
      faults.join('\n')
    )
    assert.match(await readFile(join(target, 'got.gguf.sha256'), 'utf8'), new RegExp(`^${digest}`))
  }
)
