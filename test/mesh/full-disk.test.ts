/** The disk under HAIF_HOME fills while a mesh serves: everybody is answered, and it is said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHaif } from '../helpers/cli.ts'
import { assertNoForbiddenWords } from '../helpers/forbidden-words.ts'
import { startUp } from '../helpers/mesh/service-process.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { NO_SMALL_DISK, smallDisk } from '../helpers/stores/small-disk.ts'
import { until } from '../helpers/until.ts'

const REQUESTS = 30

test(
  'a full disk under haif up costs no answer, and no row',
  { skip: NO_SMALL_DISK },
  async (t) => {
    const disk = smallDisk(t, 200)
    const env = { HAIF_HOME: disk.folder }
    const up = startUp(['--model', 'sim'], env)
    atEnd(t, () => up.end())
    const { url } = await up.up
    const ask = async (): Promise<[number, string]> => {
      const response = await fetch(`${url}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sim', prompt: 'hi', max_tokens: 4, tenant_id: 'a' })
      })
      return [response.status, await response.text()]
    }
    const rows = async () => {
      const { stdout } = await runHaif(t, ['usage', '--by', 'tenant', '--json'], { env })
      return Number(/"key":"a","requests":(\d+)/.exec(stdout)?.[1] ?? 0)
    }
    assert.equal((await ask())[0], 200)
    await until(async () => (await rows()) === 1) // the database opens in the background
    disk.fill()
    for (let i = 0; i < REQUESTS; i++) {
      const [status, body] = await ask()
      assert.equal(status, 200, body)
    }
    const ready = async () => {
      const response = await fetch(`${url}/readyz`)
      return { code: response.status, ...((await response.json()) as { warnings?: string[] }) }
    }
    await until(async () => ((await ready()).warnings?.length ?? 0) > 0)
    const { code, warnings } = await ready()
    assert.equal(code, 200)
    assert.match(warnings!.join('\n'), /has no more room .*make room/)
    const seen = await runHaif(t, ['status'], { env })
    assert.match(seen.stdout.replaceAll(/\s+/g, ' '), /has no more room .*make room/)

    disk.empty()
    await until(async () => (await rows()) === REQUESTS + 1)
    await until(async () => (await ready()).warnings === undefined)
    assertNoForbiddenWords(up.lines, warnings, seen.stdout, seen.stderr)
  }
)
