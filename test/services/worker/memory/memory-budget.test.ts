import assert from 'node:assert/strict'
import { test } from 'node:test'
import { budgetOf, parseBudget } from '../../../../services/worker/memory/memory-budget.ts'

test('a budget is a size, or a share of what is free', () => {
  const hardware = {
    cpu: { model: 'x', cores: 1 },
    ram: { totalBytes: 32e9, freeBytes: 10e9 },
    gpu: { backend: 'cuda', names: ['x'], totalBytes: 24e9, freeBytes: 20e9 }
  }
  const budget = (text: string) => budgetOf(parseBudget(text), hardware)
  assert.deepEqual(budget(''), { ramBytes: 8e9, vramBytes: 18e9, strict: false })
  assert.deepEqual(budget('12GB'), { ramBytes: 12e9, vramBytes: 18e9, strict: true })
  assert.deepEqual(budget('ram=50%, vram=1.5GiB'), {
    ramBytes: 5e9,
    vramBytes: 1.5 * 2 ** 30,
    strict: true
  })
  for (const text of ['much', '0', '120%', 'disk=1GB', 'ram=', '-1GB']) {
    assert.throws(() => parseBudget(text), { code: 'CONFIG_INVALID' }, text)
  }
})
