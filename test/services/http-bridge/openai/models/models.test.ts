/** What clients of `/v1/models` expect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ModelsReply } from '#shared/contracts/http/models.ts'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { fitting, startChecklist } from '../checklist.ts'

const { v1 } = await startChecklist({ llama: true })

test('GET /v1/models, /v1/models/{id}, and 404 model_not_found', async () => {
  const { object, data } = fitting(ModelsReply, await (await fetch(`${v1}/models`)).json())
  assert.equal(object, 'list')
  const model = data.find(({ id }) => id === 'haif-tiny')!
  assert.deepEqual([model.object, model.owned_by, model.workers], ['model', 'haif', 1])
  assert.ok(model.created > 0 && model.context_length > 0 && model.quantization)
  assert.match(model.digest, /^[0-9a-f]{64}$/)
  assert.deepEqual(await (await fetch(`${v1}/models/haif-tiny`)).json(), model)
  const missing = await fetch(`${v1}/models/gpt-4o`, {
    headers: { authorization: 'Bearer x' }
  })
  assert.equal(missing.status, 404)
  assert.equal(fitting(OpenAiErrorBody, await missing.json()).error.code, 'model_not_found')
})
