/** What Zod makes of its types is taken, and the answers are what the types parse. */
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Schema } from '../../../../../../../services/worker/engines/llama/child/schema/references.ts'
import { checkAnswers } from './checked.ts'
import { grammarOf, randomAnswer } from './random-answers.ts'

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree)
  }
})
const Linked = z.object({
  value: z.int(),
  get next() {
    return Linked.optional()
  }
})
const cat = z.object({ kind: z.literal('cat'), lives: z.int() })
const dog = z.object({ kind: z.literal('dog'), name: z.string() })

const TYPES: Record<string, z.ZodType> = {
  string: z.string(),
  'string of at least': z.string().min(2),
  'string of at most': z.string().max(4),
  'string of a length': z.string().length(3),
  'long string': z.string().max(5000),
  regex: z.string().regex(/^[A-Z]{2}-\d{3,5}$/),
  'regex and length': z.string().regex(/^\w+$/).max(8),
  'starts with': z.string().startsWith('ab"c'),
  'ends with': z.string().endsWith('.ts'),
  includes: z.string().includes('x.y'),
  lowercase: z.string().lowercase(),
  uppercase: z.string().uppercase(),
  trim: z.string().trim(),
  'template literal': z.templateLiteral(['v', z.int(), '.', z.enum(['a', 'b'])]),
  email: z.email(),
  'email of before': z.string().email(),
  url: z.url(),
  uuid: z.uuid(),
  uuidv4: z.uuidv4(),
  uuidv7: z.uuidv7(),
  guid: z.guid(),
  datetime: z.iso.datetime(),
  'datetime with offset': z.iso.datetime({ offset: true }),
  'local datetime': z.iso.datetime({ local: true }),
  'precise datetime': z.iso.datetime({ precision: 3 }),
  date: z.iso.date(),
  time: z.iso.time(),
  duration: z.iso.duration(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  cidrv4: z.cidrv4(),
  cidrv6: z.cidrv6(),
  mac: z.mac(),
  hostname: z.hostname(),
  base64: z.base64(),
  base64url: z.base64url(),
  hex: z.hex(),
  hash: z.hash('sha256'),
  e164: z.e164(),
  nanoid: z.nanoid(),
  cuid: z.cuid(),
  cuid2: z.cuid2(),
  ulid: z.ulid(),
  xid: z.xid(),
  ksuid: z.ksuid(),
  emoji: z.emoji(),
  number: z.number(),
  int: z.int(),
  'number int': z.number().int(),
  int32: z.int32(),
  uint32: z.uint32(),
  float32: z.float32(),
  float64: z.float64(),
  positive: z.number().positive(),
  nonnegative: z.int().nonnegative(),
  negative: z.number().negative(),
  range: z.int().min(3).max(17),
  'range of numbers': z.number().min(0.5).max(2.25),
  'exclusive range': z.number().gt(0).lt(1),
  'multiple of 0.5': z.number().multipleOf(0.5),
  'multiple of 7': z.int().multipleOf(7),
  'hundredths in a range': z.number().multipleOf(0.01).min(0).max(100),
  boolean: z.boolean(),
  null: z.null(),
  literal: z.literal('x'),
  'number literal': z.literal(42),
  literals: z.literal(['a', 1, null, true]),
  enum: z.enum(['日本', 'größe', '👍', 'a"b\\c', 'नमस्ते', 'שלום', '\u0800\u007f']),
  'numeric enum': z.enum({ A: 1, B: 2 }),
  any: z.any(),
  unknown: z.unknown(),
  json: z.json(),
  never: z.object({ a: z.never().optional(), b: z.int() }),
  array: z.array(z.string()),
  'array of a size': z.array(z.int()).min(2).max(4),
  'nonempty array': z.array(z.boolean()).nonempty(),
  'array of a length': z.array(z.null()).length(3),
  tuple: z.tuple([z.string(), z.int()]),
  'tuple with rest': z.tuple([z.string()], z.int()),
  'tuple with optional': z.tuple([z.string(), z.int().optional()]),
  record: z.record(z.string(), z.int()),
  'record of an enum': z.record(z.enum(['a', 'b']), z.int()),
  'partial record': z.partialRecord(z.enum(['a', 'b']), z.int()),
  'record of a regex': z.record(z.string().regex(/^x-[a-z]+$/), z.string()),
  'loose record': z.looseRecord(z.string().regex(/^q/), z.int()),
  object: z.object({ a: z.string(), b: z.number().optional(), c: z.boolean().default(true) }),
  'empty object': z.object({}),
  'loose object': z.looseObject({ a: z.int() }),
  'strict object': z.strictObject({ a: z.int(), b: z.string().optional() }),
  catchall: z.object({ a: z.int() }).catchall(z.string()),
  partial: z.object({ a: z.int(), b: z.int(), c: z.int() }).partial(),
  extend: z.object({ a: z.int() }).extend({ b: z.int() }),
  nested: z.object({ a: z.object({ b: z.array(z.object({ c: z.null() })) }) }),
  union: z.union([z.string(), z.int()]),
  'discriminated union': z.discriminatedUnion('kind', [cat, dog]),
  xor: z.xor([z.string(), z.int()]),
  'loose intersection': z.intersection(
    z.looseObject({ a: z.int() }),
    z.looseObject({ b: z.string() })
  ),
  nullable: z.string().nullable(),
  nullish: z.object({ a: z.int().nullish() }),
  default: z.object({ a: z.string().default('x') }),
  prefault: z.object({ a: z.string().prefault('x') }),
  catch: z.object({ a: z.int().catch(1) }),
  readonly: z.array(z.int()).readonly(),
  brand: z.string().brand('X'),
  meta: z.string().meta({ 'x-ui': { a: 1 }, title: 'T', examples: ['a'] }),
  describe: z.int().describe('a number'),
  lazy: z.lazy(() => z.string()),
  pipe: z.string().pipe(z.string().min(1)),
  recursive: Tree,
  'recursive by an optional': Linked,
  'recursive inside': z.object({ id: z.string(), parent: Linked.nullable() })
}

function parses(type: z.ZodType) {
  return (value: unknown): string | null => {
    const { success, error } = type.safeParse(value)
    return success ? null : `Zod: ${z.prettifyError(error)}`
  }
}

for (const [name, type] of Object.entries(TYPES)) {
  test(`Zod: ${name}`, () => {
    const schema = z.toJSONSchema(type) as Schema
    checkAnswers(name, schema, parses(type))
    const withReferences = z.toJSONSchema(type, { reused: 'ref' }) as Schema
    if (isDeepStrictEqual(schema, withReferences)) return
    checkAnswers(`${name}, with references`, withReferences, parses(type))
  })
}

test('Zod: what its schemas do not say cannot be kept', () => {
  checkAnswers('jwt', z.toJSONSchema(z.jwt()) as Schema) // its header is JSON
  checkAnswers('httpUrl', z.toJSONSchema(z.httpUrl()) as Schema) // any URL by its schema
})

test('Zod: an intersection of objects has the properties of both', () => {
  // By the letter of its schema, each part forbids the properties of the other.
  const type = z.intersection(z.object({ a: z.int() }), z.object({ b: z.string() }))
  const grammar = grammarOf(z.toJSONSchema(type) as Schema)
  for (let seed = 0; seed < 4; seed++) type.parse(JSON.parse(randomAnswer(grammar, seed)))
})
