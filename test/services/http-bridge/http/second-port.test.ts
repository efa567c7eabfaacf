import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startBridge, takePort } from '../bridge.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

test("the bridge answers at Ollama's port as at its own, until it stops", async (t) => {
  const ollamaPort = await freePort()
  const { bridge, requests } = await startBridge(t, { ollamaPort })
  const second = `http://127.0.0.1:${ollamaPort}`
  assert.equal((await fetch(`${second}/api/version`)).status, 200)
  const reply = await fetch(`${second}/infer`, {
    method: 'POST',
    body: '{"prompt":"hi"}',
    headers: { 'content-type': 'application/json' }
  })
  assert.equal(reply.status, 200)
  assert.equal(requests.length, 1)
  // The rules about who asks are the same ones.
  const foreign = await fetch(`${second}/api/tags`, { headers: { origin: 'https://a.example' } })
  assert.equal(foreign.status, 403)
  await bridge.stop()
  await assert.rejects(fetch(`${second}/api/version`))
})

test('a port that Ollama itself has says what to do', async (t) => {
  const ollamaPort = await takePort(t)
  await assert.rejects(startBridge(t, { ollamaPort }), {
    code: 'PORT_IN_USE',
    message: /--ollama-port or OLLAMA_PORT/
  })
})
