/**
 * Many simulated workers in one process: `worker-host.ts <topic key> <count> <model URI>`. Each is
 * a peer with a key, a DHT node and connections of its own; only the runtime is shared, because 300
 * processes would need 15 GB. Says `ready` when all are in the mesh.
 */
import process from 'node:process'
import { silentLogger } from '#shared/process/log.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { decodeRoot } from '../peers/mesh-root.ts'
import { modelSource } from '../../../services/worker/models/sources/model-uri.ts'
import { createWorker } from '../../../services/worker/worker.ts'
import { memberOf } from '../peers/member.ts'

const [text = '', count = '1', uri = 'sim'] = process.argv.slice(2)
const topicKey = decodeRoot(text)
const log = silentLogger()
for (let i = 0; i < Number(count); i++) {
  const worker = createWorker({
    join: (router) => openMesh({ address: topicKey, ...memberOf(topicKey, 'worker'), router, log }),
    models: [modelSource(uri, { folder: '' })],
    self: { host: 'host', version: '0.0.0' },
    drainMs: 0,
    onDrain: () => {},
    log
  })
  await worker.start()
}
process.stdout.write('ready\n')
