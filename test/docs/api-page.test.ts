/** docs/api.md: its requests are sent to a mesh, and its replies have the fields that come back. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { test } from 'node:test'
import { startOpenAiMesh } from '../services/http-bridge/openai/openai-mesh.ts'

const PAGE = new URL('../../docs/api.md', import.meta.url)
/** A heading with method and address, perhaps a body, and a reply. */
const EXAMPLE = /^## (GET|POST) (\S+)\n\n(?:```json\n(.*?)```\n\n)?```json reply\n(.*?)```$/gms

test('the requests in docs/api.md get replies with the fields that it shows (HAIF_DOCS=1 writes them)', async (t) => {
  const mesh = await startOpenAiMesh(t, { llama: true })
  const send = async (method: string, path: string, body: string | undefined) => {
    const headers = { 'content-type': 'application/json' }
    const init = body === undefined ? { method } : { method, headers, body }
    const response = await fetch(mesh.url + path, init)
    assert.equal(response.status, 200, `${method} ${path}`)
    return response.json()
  }
  let page = readFileSync(PAGE, 'utf8')
  const examples = [...page.matchAll(EXAMPLE)]
  assert.ok(examples.length >= 8)
  for (const [, method, path, body, shown] of examples) {
    const reply: unknown = await send(method!, path!, body)
    if (process.env['HAIF_DOCS'] === '1') {
      page = page.replace(shown!, () => `${JSON.stringify(reply, null, 2)}\n`)
    } else assert.deepEqual(shapeOf(JSON.parse(shown!)), shapeOf(reply), `${method} ${path}`)
  }
  if (process.env['HAIF_DOCS'] === '1') writeFileSync(PAGE, page)
})

/** Names and types; of a list, of its first. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]))
}
