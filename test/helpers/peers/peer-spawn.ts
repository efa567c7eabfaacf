/** Starts `peer-process.ts` and waits for its key. It is gone when the test is over. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeRoot, type MeshRoot } from './mesh-root.ts'
import { atEnd } from './peers.ts'
import type { PeerProcessOptions } from './peer-process.ts'

const script = fileURLToPath(new URL('peer-process.ts', import.meta.url))

export async function spawnPeer(
  t: TestContext,
  topicKey: MeshRoot,
  options: Omit<PeerProcessOptions, 'topicKey'>
): Promise<{ key: string; child: ChildProcess }> {
  const argument = JSON.stringify({ ...options, topicKey: encodeRoot(topicKey) })
  const child = spawn(process.execPath, [script, argument], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exit = once(child, 'exit')
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await exit
  })
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    exit.then(() => Promise.reject(new Error('the peer process exited before it had started')))
  ])) as [Buffer]
  return { key: line.toString().trim(), child }
}
