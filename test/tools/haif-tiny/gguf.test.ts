/**
 * The GGUF writer, checked by the library that will read its files.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { getLlama, LlamaLogLevel, readGgufFileInfo, type Llama, type Token } from 'node-llama-cpp'
import { byteLength, encodeValues } from '../../../tools/haif-tiny/gguf/quantize.ts'
import {
  writeRandomModel,
  type RandomModelOptions
} from '../../../tools/haif-tiny/gguf/random-model.ts'
import { bpeVocabulary, BYTE_SYMBOLS } from '../../../tools/haif-tiny/gguf/vocabulary.ts'
import { xorshift } from '../../../tools/haif-tiny/gguf/xorshift.ts'

let llama: Llama
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haif-gguf-'))
  llama = await getLlama({
    build: 'never',
    gpu: false,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error
  })
})

after(async () => {
  await llama.dispose()
  await rm(folder, { recursive: true })
})

for (const vocabulary of ['bpe', 'spm'] as const) {
  for (const type of ['F32', 'F16', 'Q8_0', 'Q4_0'] as const) {
    test(`a random ${type} model with a ${vocabulary} vocabulary loads and generates`, async () => {
      const model = await loadRandom({ vocabulary, type })
      const text = 'hello the 123 été 世界\n'
      const prompt = model.tokenize(text)
      assert.equal(model.detokenize(prompt), text)
      assert.equal((await generate(model, prompt, 8)).length, 8)
      await model.dispose()
    })
  }
}

test('the same options and seed give the same bytes, another seed does not', async () => {
  const files = [1, 1, 2].map((seed, i) => {
    const file = join(folder, `seed-${i}.gguf`)
    writeRandomModel(file, { seed })
    return readFile(file)
  })
  const [first, again, other] = await Promise.all(files)
  assert.ok(first && again && other)
  assert.ok(first.equals(again))
  assert.ok(!first.equals(other))
})

test('the returned size is the size of the file', async () => {
  const file = join(folder, 'size.gguf')
  assert.equal(writeRandomModel(file), (await stat(file)).size)
})

test('shape, name, template and further metadata can be read back', async () => {
  const file = join(folder, 'metadata.gguf')
  writeRandomModel(file, {
    name: 'two layers',
    shape: { layers: 2, contextLength: 64 },
    chatTemplate: '{{ messages }}',
    keyValues: [
      ['general.license', 'str', 'MIT'],
      ['test.integers', 'arr', 'i32', [-1, 2]],
      ['test.big', 'u64', 2 ** 40],
      ['test.flag', 'bool', true]
    ]
  })
  const { metadata, tensorInfo } = await readGgufFileInfo(file, { logWarnings: false })
  assert.equal(metadata.general.name, 'two layers')
  assert.equal(metadata.general.license, 'MIT')
  assert.equal(metadata.tokenizer.chat_template, '{{ messages }}')
  assert.deepEqual(Reflect.get(metadata, 'llama'), {
    context_length: 64,
    embedding_length: 32,
    block_count: 2,
    feed_forward_length: 64,
    attention: { head_count: 2, head_count_kv: 1, layer_norm_rms_epsilon: Math.fround(1e-5) },
    rope: { dimension_count: 16, freq_base: 10_000 },
    vocab_size: 264
  })
  assert.deepEqual(Reflect.get(metadata, 'test'), { integers: [-1, 2], big: 2n ** 40n, flag: true })
  assert.equal(tensorInfo?.length, 1 + 2 * 9 + 2)
})

test('null leaves a model without a chat template', async () => {
  const file = join(folder, 'bare.gguf')
  writeRandomModel(file, { chatTemplate: null })
  const { metadata } = await readGgufFileInfo(file, { logWarnings: false })
  assert.equal(metadata.tokenizer.chat_template, undefined)
})

test('a vocabulary is padded with tokens that are never used', () => {
  const { tokens } = bpeVocabulary([['a', 'b']], { padTo: 300 })
  assert.equal(tokens.length, 300)
  assert.equal(tokens[256], 'ab')
  assert.equal(tokens.at(-1), '[PAD299]')
})

test('every byte has a symbol of its own', () => {
  assert.equal(new Set(BYTE_SYMBOLS).size, 256)
  assert.equal(BYTE_SYMBOLS[32], 'Ġ')
})

test('F32 keeps every value and F16 the nearest half', () => {
  const values = noise(64)
  assert.deepEqual(decodeF32(encodeValues('F32', values)), [...values])
  assert.deepEqual(decodeF16(encodeValues('F16', values)), Array.from(values, Math.f16round))
})

test('Q8_0 and Q4_0 are off by at most half a step of their block', () => {
  const values = noise(8 * 32)
  for (const [type, steps, decode] of [
    ['Q8_0', 127, decodeQ8],
    ['Q4_0', 8, decodeQ4]
  ] as const) {
    const decoded = decode(encodeValues(type, values))
    assert.equal(decoded.length, values.length)
    for (let block = 0; block < values.length; block += 32) {
      const largest = Math.max(...values.subarray(block, block + 32).map(Math.abs))
      // A Q4_0 block reaches from -8 to 7 steps: the far end of the other sign is cut off by one.
      const tolerance = (largest / steps) * (type === 'Q8_0' ? 0.55 : 1.05)
      for (let i = block; i < block + 32; i++) {
        assert.ok(Math.abs(decoded[i]! - values[i]!) <= tolerance, `${type} value ${i}`)
      }
    }
  }
})

test('a block of zeros stays zero', () => {
  const zeros = new Float32Array(32)
  assert.ok(decodeQ8(encodeValues('Q8_0', zeros)).every((value) => value === 0))
  assert.ok(decodeQ4(encodeValues('Q4_0', zeros)).every((value) => value === 0))
})

test('a block format refuses what is not a whole number of blocks', () => {
  assert.equal(byteLength('Q8_0', 64), 68)
  assert.equal(byteLength('Q4_0', 64), 36)
  assert.throws(() => byteLength('Q8_0', 33), RangeError)
})

async function loadRandom(options: RandomModelOptions) {
  const modelPath = join(folder, `${options.vocabulary}-${options.type}.gguf`)
  writeRandomModel(modelPath, options)
  return llama.loadModel({ modelPath })
}

async function generate(
  model: Awaited<ReturnType<typeof loadRandom>>,
  prompt: Token[],
  wanted: number
): Promise<Token[]> {
  const context = await model.createContext({ contextSize: 64, sequences: 1 })
  const tokens: Token[] = []
  const options = { temperature: 0, yieldEogToken: true }
  for await (const token of context.getSequence().evaluate(prompt, options)) {
    tokens.push(token)
    if (tokens.length === wanted) break
  }
  await context.dispose()
  return tokens
}

function noise(count: number): Float32Array {
  const random = xorshift(7)
  return Float32Array.from({ length: count }, () => (random() - 0.5) * 4)
}

function decodeF32(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}

function decodeF16(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, i) => readHalf(bytes, i * 2))
}

function decodeQ8(bytes: Buffer): number[] {
  return blocksOf(bytes, 34).flatMap((block) =>
    Array.from({ length: 32 }, (_, i) => readHalf(block, 0) * block.readInt8(2 + i))
  )
}

function decodeQ4(bytes: Buffer): number[] {
  return blocksOf(bytes, 18).flatMap((block) =>
    Array.from({ length: 32 }, (_, i) => {
      const pair = block.readUInt8(2 + (i % 16))
      return readHalf(block, 0) * ((i < 16 ? pair & 15 : pair >> 4) - 8)
    })
  )
}

function blocksOf(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: bytes.length / size }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size)
  )
}

function readHalf(bytes: Buffer, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat16(at, true)
}
