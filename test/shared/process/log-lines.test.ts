import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const MODULE = new URL('../../../shared/process/log.ts', import.meta.url).href

/** What a process writes to stderr that logs, and does something else in between. */
async function stderrOf(code: string): Promise<string[]> {
  const script = `
    import { writeSync } from 'node:fs'
    import { createLogger } from '${MODULE}'
    const log = createLogger('info')
    ${code}`
  const args = ['--input-type=module-typescript', '--eval', script]
  const { stderr } = await promisify(execFile)(process.execPath, args)
  const name = (line: string) => (line.startsWith('{') ? (JSON.parse(line).msg as string) : line)
  return stderr.trim().split('\n').map(name)
}

test('a line waits for others, for a moment', async () => {
  const lines = await stderrOf(`
    log.info('a line')
    writeSync(2, 'in the same turn\\n')
    setTimeout(() => writeSync(2, 'later\\n'), 1000)`)
  assert.deepEqual(lines, ['in the same turn', 'a line', 'later'])
})

test('a warning is out at once, with the lines before it', async () => {
  const lines = await stderrOf(`
    log.info('a line')
    log.child({ of: 'a child' }).warn('a warning')
    writeSync(2, 'in the same turn\\n')`)
  assert.deepEqual(lines, ['a line', 'a warning', 'in the same turn'])
})

test('what waits is written when the process ends', async () => {
  assert.deepEqual(await stderrOf(`log.info('a line'); process.exit(0)`), ['a line'])
})

test('many lines do not wait for each other', async () => {
  const lines = await stderrOf(`
    for (let i = 0; i < 1000; i++) log.info('a line')
    writeSync(2, 'in the same turn\\n')
    log.warn('the end')`)
  assert.equal(lines.length, 1002)
  assert.ok(lines.indexOf('in the same turn') > 500)
})
