/**
 * Every message between peers: an example fits its contract, one that is over any bound does not,
 * and a field from a newer peer is passed over.
 */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Compile, type Validator } from '#shared/validator.ts'
import { drainWorker } from '#shared/contracts/access/access.ts'
import { InferenceItem } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { check } from '#shared/rpc/check.ts'
import { breachesOf, exampleOf, strictIn, unboundedIn } from '../../helpers/schema-values.ts'

interface Contract {
  kind: 'method' | 'stream'
  name: string
  request: Validator
  reply?: Validator
  end?: Validator
}

const isContract = (value: unknown): value is Contract =>
  typeof value === 'object' && value !== null && 'request' in value && 'kind' in value

const folder = join(import.meta.dirname, '../../../shared/contracts')
const modules = await Promise.all(
  globSync('**/*.ts', { cwd: folder }).map((file) => import(join(folder, file)) as Promise<object>)
)
const contracts = modules.flatMap((each): unknown[] => Object.values(each)).filter(isContract)

const messages = contracts.flatMap(({ name, request, reply, end }) => [
  { what: `request of ${name}`, validator: request },
  ...[reply, end]
    .filter((each) => each !== undefined)
    .map((validator) => ({ what: `reply of ${name}`, validator }))
])
messages.push({ what: 'item', validator: Compile(InferenceItem) })

/** JSON of callers; the size of a whole message bounds it. */
const ANY_JSON = [
  'asked.responseFormat.schema',
  'asked.tools.0.parameters',
  'asked.templateVariables'
]

test('the contracts of all services are found', () => {
  const services = new Set(contracts.map(({ name }) => name.split('.')[0]))
  assert.deepEqual(
    services,
    new Set(['gateway', 'jobs', 'mesh', 'orchestrator', 'peer', 'registry', 'relay', 'worker'])
  )
})

for (const { what, validator } of messages) {
  test(`${what}: an example fits, and each bound holds`, () => {
    const schema = validator.Type()
    assert.deepEqual(check(validator, exampleOf(schema), what), exampleOf(schema))
    for (const { at, bound, value } of breachesOf(schema)) {
      assert.ok(!validator.Check(value), `${at} is bounded: ${bound}`)
    }
  })

  test(`${what}: unknown fields are passed over`, () => {
    const schema = validator.Type()
    const example = { ...(exampleOf(schema) as object), fromANewerPeer: { any: ['thing'] } }
    assert.ok(validator.Check(example))
    assert.deepEqual(strictIn(schema), [])
  })
}

test('texts, lists and records in requests have a bound', () => {
  for (const { name, request } of contracts) {
    const found = unboundedIn(request.Type()).filter((at) => !ANY_JSON.includes(at))
    assert.deepEqual(found, [], name)
  }
})

test('a refusal names the message and the field', () => {
  const drain = drainWorker.request
  const refused = (value: unknown, message: RegExp, param: string) =>
    assert.throws(
      () => check(drain, value, 'gateway.drainWorker'),
      (error: unknown) => {
        assert.ok(error instanceof HaifError)
        assert.equal(error.code, 'VALIDATION_FAILED')
        assert.match(error.message, message)
        assert.deepEqual(error.details, { param })
        return true
      }
    )
  refused({ worker: 'no hex' }, /^gateway\.drainWorker: worker /, 'worker')
  refused({ worker: 5 }, /^gateway\.drainWorker: worker must be string$/, 'worker')
  refused({}, /^gateway\.drainWorker: /, '')
  refused('text', /^gateway\.drainWorker: must be object$/, '')
})

test('a worker learns neither whom it works for nor under which key', () => {
  for (const { name, request } of contracts.filter((each) => each.name.startsWith('worker.'))) {
    const fields = JSON.stringify(request.Type())
    for (const secret of ['tenantId', 'caller', 'usageId', 'idempotencyKey']) {
      assert.ok(!fields.includes(`"${secret}"`), `${name} has ${secret}`)
    }
  }
})
