/** Peers and the hub as sources of the same file. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fetchModel } from '../../../../services/worker/models/sources/fetch-model.ts'
import { parseHubUri } from '../../../../services/worker/models/sources/hub.ts'
import { writeRecord } from '../../../../services/worker/models/sources/local-model.ts'
import type { PeerWeights } from '../../../../services/worker/models/sources/peer-weights.ts'
import { FileFetch } from '../../../../services/worker/weights/file-fetch.ts'
import { startHub } from '../models/download/models-hub.ts'
import { MB, ScriptedSource, sha256, temporaryFolder, weightsOf } from './seeds.ts'

const BYTES = Buffer.concat([Buffer.from('GGUF'), weightsOf(6)])
const DIGEST = sha256(BYTES)
const URI = parseHubUri('hf:user/tiny-GGUF/tiny.gguf')
const onProgress = () => {}

/** Peers that have the model; the only one of them ends after so many chunks. */
class ScriptedPeers implements PeerWeights {
  readonly wanted: string[] = []
  readonly #chunks: number

  constructor(chunks: number) {
    this.#chunks = chunks
  }

  async mayHave(): Promise<boolean> {
    return true
  }

  async makeRoom(): Promise<void> {}

  async fetch({ digest, folder, name }: Parameters<PeerWeights['fetch']>[0]) {
    this.wanted.push(digest)
    let given = 0
    const spoil = async (chunk: Buffer) => {
      if (++given > this.#chunks) throw new Error('the peer is gone')
      return chunk
    }
    const path = join(folder, `${name}.gguf`)
    await new FileFetch({
      file: { sha256: DIGEST, bytes: BYTES.length },
      path,
      sources: [new ScriptedSource('peer', BYTES, { spoil })],
      onBytes: () => {},
      onFault: () => {},
      signal: new AbortController().signal
    }).run()
    await writeRecord(path, DIGEST)
    return { entry: path, files: [{ path, digest: DIGEST }] }
  }
}

test('the hub says what the model is, and brings what the peers could not', async (t) => {
  const hub = await startHub(t, { files: { 'tiny.gguf': BYTES } })
  const folder = await temporaryFolder(t)
  const peers = new ScriptedPeers(3)
  const faults: string[] = []
  const onFault = (fault: string) => void faults.push(fault)
  const { entry } = await fetchModel(URI, { folder, hub: hub.hub, peers, onProgress, onFault })
  assert.deepEqual(await readFile(entry), BYTES)
  assert.deepEqual(peers.wanted, [DIGEST])
  assert.match(faults.join(), /comes from the hub: no worker of the mesh can give/)
  assert.ok(hub.rangeBytes <= BYTES.length - 3 * MB, `${hub.rangeBytes} came from the hub`)
})

test('peers bring all of it, and the hub is asked for its word alone', async (t) => {
  const hub = await startHub(t, { files: { 'tiny.gguf': BYTES } })
  const folder = await temporaryFolder(t)
  const peers = new ScriptedPeers(Infinity)
  // The word of the hub comes before that of the order.
  const digest = 'ab'.repeat(32)
  const { entry } = await fetchModel(URI, { folder, hub: hub.hub, peers, digest, onProgress })
  assert.deepEqual(await readFile(entry), BYTES)
  assert.deepEqual([peers.wanted, hub.rangeBytes], [[DIGEST], 0])
})

test('without the hub the digest of the order counts', async (t) => {
  const folder = await temporaryFolder(t)
  const peers = new ScriptedPeers(Infinity)
  const gone = { endpoint: 'http://127.0.0.1:9' }
  const { entry } = await fetchModel(URI, { folder, hub: gone, peers, digest: DIGEST, onProgress })
  assert.deepEqual(await readFile(entry), BYTES)
})
