/**
 * node export.ts [file.gguf] [F32|F16|Q8_0|Q4_0]
 *
 * Turns what train.py wrote into a GGUF file. Q8_0 is what we ship: half of F16, same answers.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { llamaHparams, llamaTensors, type LlamaShape } from './gguf/llama-shape.ts'
import { isTensorType } from './gguf/quantize.ts'
import { bpeVocabulary, type Merge } from './gguf/vocabulary.ts'
import { writeGguf, type KeyValue } from './gguf/write.ts'

interface Trained {
  shape: LlamaShape
  /** Where each tensor starts in model.bin, in values. */
  offsets: Record<string, number>
}

/** `general.basename` says that this is the built-in model, whatever the file is called. */
const GENERAL: KeyValue[] = [
  ['general.name', 'str', 'HAIF tiny'],
  ['general.basename', 'str', 'haif-tiny'],
  ['general.description', 'str', 'The built-in model of HAIF: it checks that the system works.'],
  ['general.author', 'str', 'HAIF'],
  ['general.organization', 'str', 'HAIF'],
  ['general.version', 'str', '1'],
  ['general.size_label', 'str', '1M'],
  ['general.license', 'str', 'MIT'],
  ['general.languages', 'arr', 'str', ['en']],
  ['general.tags', 'arr', 'str', ['haif', 'built-in', 'text-generation']]
]

const SHIPPED = fileURLToPath(
  new URL('../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
)
const [out = SHIPPED, type = 'Q8_0'] = process.argv.slice(2)
if (!isTensorType(type)) throw new Error(`unknown tensor type ${type}`)

const readBuild = (name: string) => readFileSync(new URL(`build/${name}`, import.meta.url))
const { shape, offsets }: Trained = JSON.parse(readBuild('model.json').toString())
const merges: Merge[] = JSON.parse(readBuild('merges.json').toString())
const bytes = readBuild('model.bin')
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)

const size = writeGguf(
  out,
  [
    ...llamaHparams(shape),
    ...GENERAL,
    ...bpeVocabulary(merges, { padTo: shape.vocabularySize }).keyValues
  ],
  llamaTensors(shape, type, (name) => {
    const offset = offsets[name]
    if (offset === undefined) throw new Error(`no weights for ${name}`)
    return (start, count) => values.slice(offset + start, offset + start + count)
  })
)
console.log(`${out}: ${size} bytes`)
