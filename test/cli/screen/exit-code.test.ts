import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { EXIT_CODES, exitCodeOf } from '../../../cli/screen/exit-code.ts'
import { runHaif } from '../../helpers/cli.ts'

test('a script can tell what is wrong for good from what is worth another try', () => {
  const codes: Record<number, ErrorCode[]> = {
    [EXIT_CODES.usage]: ['VALIDATION_FAILED', 'CONFIG_INVALID', 'CONTEXT_TOO_LONG'],
    [EXIT_CODES.tryLater]: ['NO_PEER', 'RATE_LIMITED', 'NO_ELIGIBLE_WORKER', 'WORKER_LOST'],
    [EXIT_CODES.failed]: ['MODEL_NOT_FOUND', 'UNAUTHENTICATED', 'INTERNAL', 'PEER_REVOKED']
  }
  for (const [exitCode, errors] of Object.entries(codes)) {
    for (const code of errors) assert.equal(exitCodeOf(new HaifError(code, '')), Number(exitCode))
  }
  assert.equal(exitCodeOf(new TypeError('ours')), EXIT_CODES.failed)
})

test('an argument that only its command can read is refused as such', async (t) => {
  const { code, stderr } = await runHaif(t, ['fn', 'call', 'add', '{"a":2}'])
  assert.equal(code, EXIT_CODES.usage)
  assert.equal(
    stderr,
    'error: {"a":2} is no argument: write name=value\n(haif --help lists the commands)\n'
  )
})

test('docs/failure-modes.md has each of them', () => {
  const page = readFileSync(new URL('../../../docs/failure-modes.md', import.meta.url), 'utf8')
  const [, table = ''] = page.split('## Exit codes')
  for (const code of [0, ...Object.values(EXIT_CODES), 130, 141]) {
    assert.match(table, new RegExp(`^\\| ${code} `, 'm'))
  }
})
