/**
 * Files that were flipped, cut or never were models. A bad one costs its own process and gives one
 * line that names it; where only weights are hit the model loads and answers something.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { xorshift } from '../../../../../tools/haif-tiny/gguf/xorshift.ts'
import { HaifError } from '../../../../../shared/errors.ts'
import { until } from '../../../../helpers/until.ts'
import { assertNoForbiddenWords } from '../../../../helpers/forbidden-words.ts'
import { answer, direct, isGone, newEngine, randomModel, tempDir } from './engines.ts'

const FILES = process.env['HAIF_SOAK'] === '1' ? 200 : 20
const AT_ONCE = 4
/** Metadata and the list of tensors come first; weights hide most damage. */
const HEADER_BYTES = 12_000

type Damage = (bytes: Buffer, random: () => number) => Buffer

const below = (random: () => number, count: number) => Math.floor(random() * count)

const DAMAGES: Record<string, Damage> = {
  flipped(bytes, random) {
    for (let flips = 1 + below(random, 6); flips > 0; flips--) {
      const at = 4 + below(random, HEADER_BYTES)
      bytes[at] = bytes[at]! ^ (1 << below(random, 8))
    }
    return bytes
  },
  cut: (bytes, random) => bytes.subarray(0, 4 + below(random, bytes.length - 8)),
  garbage(bytes, random) {
    const length = 16 + below(random, 400)
    const from = 4 + below(random, HEADER_BYTES)
    for (let at = from; at < from + length; at++) bytes[at] = below(random, 256)
    return bytes
  },
  noise: (_, random) => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, () => below(random, 256)))
    bytes.write('GGUF', 0, 'latin1')
    bytes.writeUInt32LE(3, 4)
    return bytes
  }
}

test(`${FILES} corrupt files end no process but their own, each with one line`, async (t) => {
  const good = await readFile(await randomModel(t))
  const dir = await tempDir(t)
  const kinds = Object.keys(DAMAGES)
  let next = 0
  let failed = 0

  const tryOne = async (number: number): Promise<void> => {
    const kind = kinds[number % kinds.length]!
    const modelPath = join(dir, `${kind}-${number}.gguf`)
    await writeFile(modelPath, DAMAGES[kind]!(Buffer.from(good), xorshift(number + 1)))
    const { engine, events, pid } = newEngine(t, { modelPath, loadStillMs: 10_000, slots: 1 })
    try {
      await engine.load()
      await answer(engine, direct('hello', { maxTokens: 2 })).catch(assertOneLine)
    } catch (error) {
      failed++
      assertOneLine(error)
      assert.equal((error as HaifError).code, 'MODEL_LOAD_FAILED')
      assert.ok((error as HaifError).message.includes(modelPath), String(error))
    }
    await engine.close()
    if (events.length > 0) await until(() => isGone(pid())) // many are refused before there is one
  }
  const tryThem = async () => {
    while (next < FILES) await tryOne(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, tryThem))
  t.diagnostic(`${failed} of ${FILES} were refused`)
  assert.ok(failed > FILES / 2)
})

function assertOneLine(error: unknown): void {
  assert.ok(error instanceof HaifError, String(error))
  assert.doesNotMatch(error.message, /\n/)
  assertNoForbiddenWords(error.message)
}
