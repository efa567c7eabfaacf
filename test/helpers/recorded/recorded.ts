/**
 * What models of each family write, in the exact form of that family and with examples of our own.
 * Where a template writes past turns, its rendering is the source; where it does not, the family's
 * model card is, or a report of what a real model wrote.
 *
 * The text files hold one section a family:
 *
 *     === the family's name
 *     template: its template in llama.cpp's models/templates, or beside these files
 *     thought: open (the prompt opens one, or closes it where there is no thought), always (every
 *       prompt opens one), chosen (the model may begin one)
 *     control: tokens that are no text
 *     ends: those of them that end an answer
 *     tokens: single tokens that are text
 *     like: a family whose seven outputs these are too, but those in `without`
 *     --- one of the names in `STANDARD`, or a title and what is expected as JSON
 *     the output, up to the next line that begins with `---`
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../../../shared/contracts/inference/chat.ts'

const FOLDER = import.meta.dirname

type Call = [name: string, args: Record<string, unknown>]

interface Expected {
  content: string
  reasoning: string
  calls: Call[]
  /** True when the prompt has opened a thought that the output goes on with. */
  opened: boolean
}

export interface Recorded extends Expected {
  title: string
  output: string
}

const THOUGHTS = ['open', 'always', 'chosen'] as const
type Thought = (typeof THOUGHTS)[number]

export interface Family {
  name: string
  /** In llama.cpp's bundle; of those beside this file, see `OWN_TEMPLATES`. */
  template: string
  thought: Thought | null
  control: string[]
  /** Those of the control tokens that end an answer. */
  ends: string[]
  tokens: string[]
  outputs: Recorded[]
}

const string = (description: string) => ({ type: 'string', description })

/** The tools that the outputs call. */
export const RECORDED_TOOLS: readonly Tool[] = [
  {
    name: 'get_weather',
    description: 'Tells the weather.',
    parameters: {
      type: 'object',
      properties: {
        city: string('Where.'),
        days: { type: 'integer', description: 'For how long.' },
        exact: { type: 'boolean', description: 'With decimals.' },
        area: {
          type: 'object',
          description: 'Around it.',
          properties: {
            km: { type: 'array', items: { type: 'number' } },
            name: { anyOf: [{ type: 'string' }, { type: 'null' }] }
          }
        }
      },
      required: ['city']
    }
  },
  {
    name: 'run',
    description: 'Runs code.',
    parameters: {
      type: 'object',
      properties: { code: string('Python.') },
      required: ['code']
    }
  },
  { name: 'now', description: 'Tells the time.' },
  {
    name: 'note',
    description: 'Keeps a note.',
    parameters: {
      type: 'object',
      properties: {
        text: string('The note.'),
        tags: { type: 'array', description: 'Labels.', items: { type: 'string' } },
        due: { description: 'When, if ever.', anyOf: [{ type: 'string' }, { type: 'null' }] }
      },
      required: ['text']
    }
  }
]

const THOUGHT = 'They ask for the weather.\nI could guess.'
const SAID = 'Sunny, I think.'
const NOW: Call = ['now', {}]

/** The seven outputs of each family, as far as it can write them. */
export const STANDARD: Readonly<Record<string, Partial<Expected>>> = {
  said: { content: SAID },
  thought: { content: SAID, reasoning: THOUGHT },
  call: {
    calls: [
      [
        'get_weather',
        { city: 'Köln "Süd"', days: 3, exact: true, area: { km: [1, -2.5], name: 'West' } }
      ]
    ]
  },
  calls: {
    calls: [
      ['get_weather', { city: '東京 🌧' }],
      ['run', { code: 'if a < b:\n    print("x\\n")\n' }]
    ]
  },
  'said and called': { content: 'Let me look.', calls: [NOW] },
  'thought and called': { reasoning: THOUGHT, calls: [NOW] },
  typed: { calls: [['note', { text: '42', tags: ['a', 'b"c'], due: null }]] }
}

/** Templates that are beside this file, because llama.cpp has none of these families. */
export const OWN_TEMPLATES: ReadonlyMap<string, string> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.jinja'))
    .map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')])
)

export const FAMILIES: readonly Family[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.txt'))
  .toSorted()
  .flatMap((file) => readFamilies(readFileSync(join(FOLDER, file), 'utf8')))

function readFamilies(text: string): Family[] {
  const families = new Map<string, Family>()
  for (const section of text.split(/^=== /m).slice(1)) {
    const [head = '', ...outputs] = section.split(/^--- /m)
    const family = readHead(head, families)
    for (const output of outputs) addOutput(family, output)
    families.set(family.name, family)
  }
  return [...families.values()]
}

function readHead(head: string, others: ReadonlyMap<string, Family>): Family {
  const [name = '', ...lines] = head.trim().split('\n')
  const facts = new Map(lines.map((line) => splitOnce(line, ': ')))
  const words = (key: string) => (facts.get(key) ?? '').split(' ').filter((word) => word !== '')
  const thought = facts.get('thought')
  const family: Family = {
    name,
    template: facts.get('template') ?? '',
    thought: THOUGHTS.find((each) => each === thought) ?? null,
    control: words('control'),
    ends: words('ends'),
    tokens: words('tokens'),
    outputs: []
  }
  const like = facts.get('like')
  if (like === undefined) return family
  const without = (facts.get('without') ?? '').split(', ')
  const shared = others.get(like)!.outputs.filter(({ title }) => title in STANDARD)
  for (const { title, output } of shared) {
    if (!without.includes(title)) addOutput(family, `${title}\n${output}\n`)
  }
  return family
}

/** An output of the same title takes the place of the one that is there. */
function addOutput(family: Family, text: string): void {
  const [head, body] = splitOnce(text, '\n')
  const at = head.indexOf(' {')
  const title = at === -1 ? head : head.slice(0, at)
  const expected = at === -1 ? STANDARD[head] : (JSON.parse(head.slice(at)) as Partial<Expected>)
  if (expected === undefined) throw new Error(`${family.name}: nothing is expected of "${head}"`)
  const isOpened =
    family.thought === 'always' || (family.thought === 'open' && (expected.reasoning ?? '') !== '')
  const output = {
    content: '',
    reasoning: '',
    calls: [],
    opened: isOpened,
    ...expected,
    title,
    output: body.replace(/\n+$/, '')
  }
  family.outputs = [...family.outputs.filter((other) => other.title !== title), output]
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)]
}
