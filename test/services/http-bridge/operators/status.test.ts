import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Compile } from 'typebox/compile'
import { ModelsReply } from '#shared/contracts/http/models.ts'
import { until } from '../../../helpers/until.ts'
import { says, startBridge } from '../bridge.ts'

const MODEL = {
  name: 'haif-tiny',
  digest: 'ab'.repeat(32),
  contextTokens: 2048,
  engine: 'llama',
  quantization: 'F16',
  parameters: 1_049_000,
  chatTemplate: true,
  capabilities: {
    tools: false,
    jsonSchema: true,
    embeddings: true,
    reasoning: false,
    vision: false
  },
  workers: ['aa', 'bb'],
  loadable: ['cc'],
  createdAt: 1_700_000_000
}

test('the models are listed as OpenAI does, with what HAIF knows beyond it', async (t) => {
  const bridge = await startBridge(t, { models: [MODEL] })
  const response = await fetch(`${bridge.url}/v1/models`)
  const body = await response.json()
  assert.deepEqual(body, {
    object: 'list',
    data: [
      {
        id: 'haif-tiny',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'haif',
        digest: 'ab'.repeat(32),
        context_length: 2048,
        quantization: 'F16',
        parameters: 1_049_000,
        chat_template: true,
        capabilities: {
          tools: false,
          json_schema: true,
          embeddings: true,
          reasoning: false,
          vision: false
        },
        engine: 'llama',
        workers: 2,
        workers_loadable: 1
      }
    ]
  })
  assert.ok(Compile(ModelsReply).Check(body))
  assert.ok(response.headers.get('x-request-id'))
})

test('liveness does not depend on the mesh, readiness does and says why', async (t) => {
  const alone = await startBridge(t, { gateways: [] })
  for (const path of ['/health', '/healthz']) {
    const response = await fetch(alone.url + path)
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), { status: 'ok', version: '1.2.3' })
  }
  const notReady = await fetch(`${alone.url}/readyz`)
  assert.equal(notReady.status, 503)
  assert.deepEqual(await notReady.json(), {
    status: 'not_ready',
    reason: 'no gateway can be reached'
  })
})

test('readiness follows the gateway', async (t) => {
  const ready = await startBridge(t)
  const response = await fetch(`${ready.url}/readyz`)
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { status: 'ready' })
  const noWorker = await startBridge(t, {
    readiness: { ready: false, reason: 'no worker holds a model' }
  })
  const refused = await fetch(`${noWorker.url}/readyz`)
  assert.equal(refused.status, 503)
  assert.match(await refused.text(), /no worker holds a model/)
  await ready.gateways[0]!.stop()
  await until(async () => (await fetch(`${ready.url}/readyz`)).status === 503)
})

test('the first page says what this is and how to ask', async (t) => {
  const bridge = await startBridge(t)
  const text = await (await fetch(bridge.url)).text()
  assert.match(text, /^HAIF 1\.2\.3\n/)
  assert.ok(text.includes(`curl -N ${bridge.url}/infer`))
})

test('the metrics count requests, errors and tokens', async (t) => {
  const bridge = await startBridge(t, { gateways: [says('a', 'b')] })
  const read = async () => (await fetch(`${bridge.url}/metrics`)).text()
  await (await bridge.post({ prompt: 'hi' })).text()
  await (await bridge.post({ prompt: 'hi', stream: true })).text()
  await (await bridge.post({ prompt: 5 })).text()
  await (await fetch(`${bridge.url}/nowhere/${'x'.repeat(50)}`)).text()
  const lines = [
    'haif_http_requests_total{route="/infer",method="POST",status="200"} 2',
    'haif_http_requests_total{route="/infer",method="POST",status="400"} 1',
    'haif_http_requests_total{route="none",method="GET",status="404"} 1',
    'haif_http_request_duration_seconds_count{route="/infer",method="POST",status="200"} 2',
    'haif_errors_total{code="VALIDATION_FAILED"} 1',
    'haif_errors_total{code="NOT_FOUND"} 1',
    'haif_time_to_first_token_seconds_count 2',
    'haif_tokens_total{kind="prompt"} 10',
    'haif_tokens_total{kind="cached"} 4',
    'haif_tokens_total{kind="completion"} 6',
    'haif_http_requests_in_flight 1' // this one
  ]
  await until(async () => {
    const text = await read()
    return lines.every((line) => text.includes(`${line}\n`))
  })
  const text = await read()
  assert.match(text, /^haif_process_memory_bytes\{kind="resident"\} \d+$/m)
  assert.match(text, /^haif_event_loop_lag_seconds\{quantile="0.99"\} /m)
  const response = await fetch(`${bridge.url}/metrics`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
})

test('/openapi.json is valid OpenAPI 3.1 and describes every address', async (t) => {
  const bridge = await startBridge(t)
  const document = (await (await fetch(`${bridge.url}/openapi.json`)).json()) as {
    openapi: string
    paths: Record<string, Record<string, { requestBody?: object; responses: object }>>
  }
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  assert.ok(valid, JSON.stringify(errors, null, 1))
  assert.match(document.openapi, /^3\.1\./)
  assert.deepEqual(Object.keys(document.paths).toSorted(), [
    '/api/chat',
    '/api/embed',
    '/api/generate',
    '/api/ps',
    '/api/show',
    '/api/tags',
    '/health',
    '/healthz',
    '/infer',
    '/metrics',
    '/readyz',
    '/spl/console/overview',
    '/spl/health',
    '/spl/libraries',
    '/spl/objects',
    '/spl/objects/{name}/signature',
    '/spl/objects/{name}/source',
    '/spl/owners/{owner}/libraries/{library}/objects',
    '/spl/remote-runs',
    '/spl/remote-runs/{id}',
    '/spl/remote-runs/{id}/artifacts',
    '/spl/remote-runs/{id}/artifacts/{name}',
    '/spl/remote-runs/{id}/cancel',
    '/spl/remote-runs/{id}/detail',
    '/spl/remote-runs/{id}/events',
    '/spl/remote-runs/{id}/retry',
    '/v1/admin/audit',
    '/v1/admin/audit/verify',
    '/v1/admin/events',
    '/v1/admin/invites',
    '/v1/admin/invites/{id}',
    '/v1/admin/members',
    '/v1/admin/members/{id}/approve',
    '/v1/admin/members/{id}/rename',
    '/v1/admin/members/{id}/revoke',
    '/v1/admin/mesh',
    '/v1/admin/mesh/rotate',
    '/v1/admin/models',
    '/v1/admin/models/prefetch',
    '/v1/admin/policy',
    '/v1/admin/policy/explain/{id}',
    '/v1/admin/queue',
    '/v1/admin/queue/dead-letter',
    '/v1/admin/requests',
    '/v1/admin/requests/{id}',
    '/v1/admin/settings',
    '/v1/admin/tenants',
    '/v1/admin/tenants/{id}',
    '/v1/admin/tokens',
    '/v1/admin/tokens/{id}',
    '/v1/admin/tokens/{id}/rotate',
    '/v1/admin/workers',
    '/v1/admin/workers/{id}',
    '/v1/admin/workers/{id}/drain',
    '/v1/admin/workers/{id}/label',
    '/v1/admin/workers/{id}/models',
    '/v1/admin/workers/{id}/remove',
    '/v1/admin/workers/{id}/rename',
    '/v1/admin/workers/{id}/resume',
    '/v1/call/{*}',
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/embeddings',
    '/v1/environments',
    '/v1/environments/{machine}/{key}',
    '/v1/environments/{machine}/{key}/rebuild',
    '/v1/jobs',
    '/v1/jobs/{id}',
    '/v1/jobs/{id}/archive',
    '/v1/jobs/{id}/artifacts/{task}/{name}',
    '/v1/jobs/{id}/resume',
    '/v1/jobs/{id}/stream',
    '/v1/jobs/{id}/tasks',
    '/v1/libraries',
    '/v1/libraries/grants',
    '/v1/machines',
    '/v1/me',
    '/v1/messages',
    '/v1/messages/count_tokens',
    '/v1/models',
    '/v1/models/{id}',
    '/v1/objects',
    '/v1/objects/{*}',
    '/v1/planner/compile',
    '/v1/rerank',
    '/v1/responses',
    '/v1/responses/{id}',
    '/v1/responses/{id}/cancel',
    '/v1/responses/{id}/input_items',
    '/v1/runs',
    '/v1/runs/{id}',
    '/v1/runs/{id}/artifacts/{task}/{name}',
    '/v1/runs/{id}/cancel',
    '/v1/runs/{id}/events',
    '/v1/runs/{id}/retry',
    '/v1/scheduler/tasks/report',
    '/v1/scheduler/workers/register',
    '/v1/scheduler/workers/{id}/assignments',
    '/v1/scheduler/workers/{id}/heartbeat',
    '/v1/secrets',
    '/v1/secrets/{name}',
    '/v1/secrets/{name}/grants',
    '/v1/tasks/report',
    '/v1/usage',
    '/v1/workers/register',
    '/v1/workers/{id}/assignments',
    '/v1/workers/{id}/heartbeat'
  ])
  const infer = document.paths['/infer']!['post']!
  assert.match(JSON.stringify(infer.requestBody), /"api_version"/)
  assert.match(JSON.stringify(infer.requestBody), /Exactly one of/)
  assert.match(JSON.stringify(infer.responses), /"text\/event-stream"/)
})
