import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { until } from '../../helpers/until.ts'

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
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000))
    setTimeout(() => writeSync(2, 'later\\n'), 1)`)
  assert.deepEqual(lines, ['a line', 'a warning', 'later'])
})

test('what was said before an end without a warning is out', async () => {
  const lines = await stderrOf(`
    log.info('a line')
    log.warn('a warning')
    log.error('an error')
    process.exit(1)`).catch(({ stderr }: { stderr: string }) => stderr.trim().split('\n'))
  assert.match(lines.join(), /a line.*a warning.*an error/s)
})

test('a reader that has stopped holds nobody up, and learns what it has missed', async (t) => {
  const script = `
    import { createLogger } from '${MODULE}'
    const log = createLogger('info')
    for (let i = 0; i < 30_000; i++) log.warn({ i }, 'a line that nobody reads for a while')
    setTimeout(() => process.send('it goes on'), 50)
    process.on('message', () => { log.warn('read again'); process.disconnect() })`
  const args = ['--input-type=module-typescript', '--eval', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  child.stderr!.pause()
  assert.equal(
    await Promise.race([once(child, 'message'), once(child, 'exit')]).then(String),
    'it goes on,'
  )
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr!.resume()
  await until(() => /"lines":\d+,"msg":"lines of the log were dropped/.test(said))
  child.send('go on')
  await once(child, 'exit')
  await until(() => said.includes('read again'))
})

test('what waits is written when the process ends', async () => {
  assert.deepEqual(await stderrOf(`log.info('a line'); process.exit(0)`), ['a line'])
})

test('many lines do not wait for each other', async () => {
  const lines = await stderrOf(`
    for (let i = 0; i < 1000; i++) log.info('a line')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
    writeSync(2, 'before any timer\\n')
    log.warn('the end')`)
  assert.equal(lines.length, 1002)
  assert.ok(lines.indexOf('before any timer') > 100)
  assert.equal(lines.at(-1), 'the end')
})
