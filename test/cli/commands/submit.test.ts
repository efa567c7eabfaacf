/** `haif submit`, whose exit codes are a contract: docs/failure-modes.md. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { HaifRequestError } from '#shared/client/haif-client.ts'
import { EXIT_CODES, failureOf } from '../../../cli/commands/submit.ts'
import { runHaif } from '../../helpers/cli.ts'
import { startBridge } from '../../services/http-bridge/bridge.ts'

const { url, requests } = await startBridge({ after })

test('the answer is all of stdout, and the exit code 0', async (t) => {
  const args = ['submit', '--url', url, '--prompt', 'hi', '--max-tokens', '7', '--temperature', '0']
  const { code, stdout, stderr } = await runHaif(t, args)
  assert.deepEqual([code, stdout, stderr], [0, 'Hello world\n', ''])
  const { asked } = requests.at(-1)!
  assert.deepEqual([asked.maxTokens, asked.sampling.temperature], [7, 0])
})

test('where nothing answers it says so, and exits with 4', async (t) => {
  const args = ['submit', '--url', 'http://127.0.0.1:9', '--prompt', 'hi', '--retries', '0']
  const { code, stdout, stderr } = await runHaif(t, args)
  assert.deepEqual([code, stdout], [EXIT_CODES.unreachable, ''])
  assert.match(stderr, /^haif submit: cannot reach http:\/\/127\.0\.0\.1:9: /)
})

test('every failure has its exit code, as docs/failure-modes.md has it', () => {
  const headers = new Headers({ 'x-request-id': 'r' })
  const of = (status: number) => failureOf(new HaifRequestError(status, null, headers), url)
  const page = readFileSync(new URL('../../../docs/failure-modes.md', import.meta.url), 'utf8')
  for (const [statuses, exitCode] of [
    [[400, 404, 413, 422], EXIT_CODES.refused],
    [[401, 403], EXIT_CODES.unauthenticated],
    [[429, 503], EXIT_CODES.overloaded],
    [[504], EXIT_CODES.timeout],
    [[500, 502], EXIT_CODES.failed]
  ] as const) {
    for (const status of statuses) assert.equal(of(status).exitCode, exitCode, `${status}`)
  }
  for (const code of Object.values(EXIT_CODES)) assert.match(page, new RegExp(`^\\| ${code} `, 'm'))
  assert.equal(failureOf(AbortSignal.abort().reason, url).exitCode, EXIT_CODES.timeout)
})
