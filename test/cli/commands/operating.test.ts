/** A mesh operated from the command line: workers, models and requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestDetail, RequestList } from '#shared/contracts/http/admin/requests.ts'
import type { WorkerList } from '#shared/contracts/http/admin/workers.ts'
import { runHaif, startHaif, temporaryHome } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'

test('workers are drained and resumed, models unloaded and loaded, a failure is explained', async (t) => {
  const home = temporaryHome(t)
  const env = { HAIF_HOME: home }
  const up = startHaif(t, ['up', '--port', '0', '--model', 'sim?decode=1000'], { env })
  await up.says('ready http://')
  const url = /ready (http:\S+)/.exec(up.output.stdout)![1]!
  const haif = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHaif(t, args, { env })
    assert.equal(code, 0, `haif ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const json = async <Value>(...args: string[]) =>
    JSON.parse(await haif(...args, '--json')) as Value
  const infer = (model: string) =>
    fetch(`${url}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, prompt: 'hi', max_tokens: 4 })
    })

  const { workers } = await json<WorkerList>('workers')
  const [worker] = workers
  const on = worker!.id.slice(0, 12)
  assert.equal(worker!.state, 'ready')
  assert.match(await haif('workers', 'drain', on), /takes nothing new until "haif workers resume/)
  await until(async () => (await infer('sim')).status === 503)
  assert.match(await haif('workers', 'resume', on), /takes requests again/)
  await until(async () => (await infer('sim')).ok)

  assert.match(await haif('models', 'unload', 'sim', '--on', on), /sim on \S+ is loadable/)
  assert.match(await haif('ls'), /sim \* .*loadable/)
  assert.match(await haif('models', 'load', 'sim', '--on', on), /sim on \S+ is (loading|ready)/)

  const id = (await infer('nope')).headers.get('x-request-id')!
  const failed = () => json<RequestList>('requests', '--failed')
  await until(async () => (await failed()).requests.some(({ requestId }) => requestId === id))
  const detail = await json<RequestDetail>('requests', id)
  assert.equal(detail.code, 'MODEL_NOT_FOUND')
  assert.match(await haif('requests', id), /why: .*nope/)
})

test('what is known of models needs no mesh and no network', async (t) => {
  const { code, stdout } = await runHaif(t, ['models', 'search', 'code'])
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^qwen2\.5-coder-7b +7B +about 4\.7 GB +(fits|too large): needs about 5\.7 GB of \S+ GB/
  )
  assert.match(stdout, /from the table that comes with HAIF/)
  const refused = await runHaif(t, ['pull', 'no-such-model'])
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /neither a short name \(qwen3-0\.6b, /)
})
