/** What a file is that is no model, by its first bytes and by its metadata. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  whatItIs,
  whyNoModel
} from '../../../../../../../services/worker/engines/llama/parent/file/file-kind.ts'
import { checkGgufHeader } from '../../../../../../../services/worker/engines/llama/parent/file/gguf-header.ts'
import { llamaTensors } from '../../../../../../../tools/haif-tiny/gguf/llama-shape.ts'
import { randomWeights } from '../../../../../../../tools/haif-tiny/gguf/random-model.ts'
import { writeGguf, type KeyValue } from '../../../../../../../tools/haif-tiny/gguf/write.ts'

const folder = mkdtempSync(join(tmpdir(), 'haif-kind-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const SHAPE = { contextLength: 8, dim: 32, layers: 0, heads: 1, kvHeads: 1, ffnDim: 32 }

/** A whole file with that metadata. */
function about(keyValues: KeyValue[], tensors = true) {
  const path = join(folder, 'file.gguf')
  const shape = { ...SHAPE, vocabularySize: 4 }
  writeGguf(path, keyValues, tensors ? llamaTensors(shape, 'F16', randomWeights(1)) : [])
  const checked = checkGgufHeader(readFileSync(path), readFileSync(path).length)
  assert.equal(checked.kind, 'ok')
  return checked.kind === 'ok' ? checked.facts : assert.fail()
}

const METADATA: [KeyValue[], RegExp | null][] = [
  [[['general.architecture', 'str', 'llama']], null],
  [[['general.architecture', 'str', 'clip']], /projector \(mmproj\).*the model's own file/],
  [[['general.type', 'str', 'mmproj']], /projector/],
  [[['general.type', 'str', 'adapter']], /adapter \(LoRA\).*llama-export-lora/],
  [[['general.type', 'str', 'imatrix']], /importance matrix/],
  [[['llama.context_length', 'u32', 512]], null],
  [[['llama.context_length', 'u32', 0]], /context of 0 tokens/]
]

test('a GGUF file that is no model says by its metadata what it is', () => {
  for (const [keyValues, reason] of METADATA) {
    const why = whyNoModel(about(keyValues), 'x.gguf')
    if (reason === null) assert.equal(why, null)
    else assert.match(why ?? '', reason)
    assert.doesNotMatch(why ?? '', /damaged|download it again/)
  }
  assert.match(whyNoModel(about([], false), 'x.gguf') ?? '', /vocabulary and no weights/)
})

test('a part of a split model names the file to give', () => {
  const facts = { architecture: '', type: '', splitNumber: 1, splitCount: 2, tensors: 3 }
  assert.match(
    whyNoModel(facts, '/models/big-00002-of-00002.gguf') ?? '',
    /^it is part 2 of 2 of a model: name big-00001-of-00002\.gguf, and keep all parts/
  )
  assert.match(whyNoModel(facts, '/models/x.gguf') ?? '', /name the file of its part 1/)
  // A first part may have metadata only.
  assert.equal(whyNoModel({ ...facts, splitNumber: 0, tensors: 0 }, 'x.gguf'), null)
})

const BEGINNINGS: [bytes: string, RegExp][] = [
  ['', /^it is empty/],
  ['\0'.repeat(100), /zeros/],
  ['version https://git-lfs.github.com/spec/v1', /git lfs pull/],
  ['<!DOCTYPE html><html>', /web page.*login/],
  ['\n<html lang="en">', /web page/],
  ['tjgg', /not a GGUF file/],
  ['GGJT', /before GGUF/],
  ['PK\u0003\u0004', /ZIP archive/],
  ['\u0010\0\0\0\0\0\0\0{"__metadata__"', /safetensors/],
  ['\u001F\u008B', /compressed/],
  ['{"error": "Repository not found"}', /error of a server/],
  ['hello', /name the \.gguf of a model/]
]

test('any other file says by its first bytes what it is', () => {
  for (const [bytes, reason] of BEGINNINGS) {
    assert.match(whatItIs(Buffer.from(bytes, 'latin1')), reason)
  }
  const foreign = (bytes: string) => checkGgufHeader(Buffer.from(bytes, 'latin1'), 1000)
  assert.match(JSON.stringify(foreign('GGUF\0\0\0\u0003')), /other byte order/)
  assert.match(JSON.stringify(foreign('GGUF\u0001\0\0\0')), /too old/)
})
