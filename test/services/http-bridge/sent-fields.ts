/** Sends each field of a table of another vendor's body, and sees what becomes of it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Field } from '../../../services/http-bridge/http/fields.ts'

/**
 * A value for each field that is taken or mapped, and what the mesh is asked because of it. `null`:
 * the same as without it.
 */
export type Samples = Readonly<Record<string, [value: unknown, asked: object | null]>>

interface Sent {
  status: number
  /** What the reply says where it refuses. */
  message: string
}

interface FieldTest {
  fields: readonly Field[]
  samples: Samples
  /** Sends a body with these fields beside the needed ones. */
  send: (more: object) => Promise<Sent>
  /** What the mesh was asked last. */
  asked: () => object
  /** The place of the object that has the fields, where it is not the body. */
  at?: string
}

export async function sendEachField({
  fields,
  samples,
  send,
  asked,
  at
}: FieldTest): Promise<void> {
  assert.equal((await send({})).status, 200)
  const plain = asked()
  const assertAsked = async (more: object, wanted: object | null) => {
    const { status, message } = await send(more)
    assert.equal(status, 200, `${JSON.stringify(more)}: ${message}`)
    assert.deepEqual(asked(), { ...plain, ...wanted }, JSON.stringify(more))
  }
  const [known, hints, refused] = [['taken', 'mapped'], ['hint'], ['refused']].map((kinds) =>
    fields.filter(({ how }) => kinds.includes(how))
  ) as [Field[], Field[], Field[]]
  for (const value of [true, 1, 'x', { a: 1 }]) {
    await assertAsked(Object.fromEntries(hints.map(({ name }) => [name, value])), null)
  }
  for (const nth of Array.from({ length: 6 }).keys()) {
    const idle = refused.map((field) => [field.name, idleValues(field)[nth] ?? null])
    await assertAsked(Object.fromEntries(idle), null)
  }
  for (const { name, note } of refused) {
    const { status, message } = await send({ [name]: [{ type: 'x' }] })
    const path = at === undefined ? name : `${at}.${name}`
    assert.deepEqual([status, message], [400, `${path} is not supported: ${note}`])
  }
  for (const { name } of known) {
    const sample = samples[name]
    assert.ok(sample !== undefined, `no sample of ${name}`)
    await assertAsked({ [name]: sample[0] }, sample[1])
  }
}

const idleValues = ({ idle = [] }: Field): unknown[] => [...idle, '', [], {}, null]

/** The names of the fields of an interface in a package's own types. */
export function fieldsOfType(module: string, type: string): string[] {
  const path = import.meta.resolve(module).replace(/\.m?js$/, '.d.ts')
  const text = readFileSync(new URL(path), 'utf8')
  const body = text.split(`interface ${type} {`)[1]!.split('\n}')[0]!
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!)
}
