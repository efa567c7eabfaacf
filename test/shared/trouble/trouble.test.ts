/** Every code of servers and disks is sorted: by its kind it is decided whether a row is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { diskError, diskTrouble } from '#shared/trouble/disk.ts'
import { httpTrouble } from '#shared/trouble/http.ts'
import { networkTrouble } from '#shared/trouble/network.ts'
import { postgresTrouble } from '#shared/trouble/postgres.ts'
import { redisTrouble } from '#shared/trouble/redis.ts'
import { sentenceOf, wordsOf } from '#shared/trouble/trouble.ts'
import { storeError } from '#shared/store/postgres-errors.ts'

const coded = (code: string, message = 'words') => Object.assign(new Error(message), { code })

/** https://www.postgresql.org/docs/current/errcodes-appendix.html, a code or more of each class. */
const SQLSTATES = {
  away: [
    '08000',
    '08006',
    '08P01',
    '25P03',
    '25P04',
    '40001',
    '40003',
    '40P01',
    '53000',
    '53200',
    '53300',
    '55000',
    '55006',
    '55P03',
    '57000',
    '57014',
    '57P01',
    '57P02',
    '57P03',
    '57P04',
    '57P05',
    '72000'
  ],
  'refuses us': [
    '28000',
    '28P01',
    '3D000',
    '3F000',
    '42501',
    '42601',
    '42703',
    '42P01',
    '42883',
    '0A000',
    '0B000',
    '25000',
    '25P02',
    '26000',
    '34000',
    '38000',
    '39000',
    'F0000',
    'HV000',
    'P0001'
  ],
  'refuses writes': ['25006', '53100', '58000', '58030', '58P01', 'XX000', 'XX001', 'XX002'],
  'bad input': [
    '21000',
    '22001',
    '22003',
    '22021',
    '22P02',
    '22P05',
    '23502',
    '23503',
    '23505',
    '23514',
    '44000',
    '54000'
  ]
} as const

test('each SQLSTATE has its kind, and only bad input keeps its own code', () => {
  for (const [kind, codes] of Object.entries(SQLSTATES)) {
    for (const code of codes) {
      const error = coded(code)
      assert.equal(postgresTrouble(error)?.kind, kind, code)
      const translated = storeError(error)
      if (kind === 'bad input') assert.equal(translated, error)
      else {
        assert.ok(translated instanceof HaifError, code)
        assert.equal(translated.code, 'STORE_UNAVAILABLE')
        assert.equal(translated.details?.['trouble'], kind)
        assert.equal(translated.cause, error)
      }
    }
  }
})

test('errors of the driver and of sockets are sorted, and a bug of ours is none of them', () => {
  const words: [string, string][] = [
    ['Connection terminated unexpectedly', 'away'],
    ['timeout exceeded when trying to connect', 'away'],
    ['Query read timeout', 'away'],
    ['The server does not support SSL connections', 'refuses us'],
    ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'refuses us']
  ]
  for (const [message, kind] of words) assert.equal(postgresTrouble(new Error(message))?.kind, kind)
  const every = new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')])
  assert.equal(postgresTrouble(every)?.kind, 'away')
  assert.equal(postgresTrouble(coded('DEPTH_ZERO_SELF_SIGNED_CERT'))?.kind, 'refuses us')
  const bug = new TypeError('x is not a function')
  assert.equal(postgresTrouble(bug), null)
  assert.equal(storeError(bug), bug)
})

test('the message of a database away names no address and no user, which strangers would see', () => {
  const secrets: [Error, RegExp][] = [
    [coded('ECONNREFUSED', 'connect ECONNREFUSED 10.1.2.3:5432'), /10\.1\.2\.3/],
    [coded('28P01', 'password authentication failed for user "boss"'), /boss/],
    [coded('28000', 'no pg_hba.conf entry for host "10.1.2.3"'), /10\.1\.2\.3/]
  ]
  for (const [error, secret] of secrets) {
    const { message } = storeError(error) as HaifError
    assert.doesNotMatch(message, secret)
    assert.match(message, /^the database .+: .+/)
  }
})

test('each reply of Redis has its kind', () => {
  const replies: [string, string, RegExp][] = [
    ['NOAUTH Authentication required.', 'refuses us', /REDIS_URL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'refuses us', /REDIS_URL/],
    ['ERR invalid password', 'refuses us', /REDIS_URL/],
    ['NOPERM this user has no permissions to run the command', 'refuses us', /\+@all/],
    ['MOVED 3999 127.0.0.1:6381', 'refuses us', /single Redis/],
    ['CLUSTERDOWN Hash slot not served', 'refuses us', /single Redis/],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'refuses us', /single Redis/],
    ["READONLY You can't write against a read only replica.", 'refuses writes', /primary/],
    [
      'ERR Error running script (…): @user_script:1: -READONLY You can',
      'refuses writes',
      /primary/
    ],
    ['MISCONF Redis is configured to save RDB snapshots', 'refuses writes', /snapshots/],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'refuses writes', /maxmemory/],
    ['LOADING Redis is loading the dataset in memory', 'away', /tried again/],
    ['ERR max number of clients reached', 'away', /maxclients/],
    ['ERR DB index is out of range', 'refuses us', /number/],
    ["ERR unknown command 'EVALSHA'", 'refuses us', /Redis 6/],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'bad input', /own/],
    ['Command timed out', 'away', /busy/],
    ['Connection is closed.', 'away', /REDIS_URL/],
    ['Command aborted due to connection close', 'away', /REDIS_URL/],
    ['Reached the max retries per request limit (which is 0).', 'away', /REDIS_URL/],
    ['ERR something new', 'refuses us', /log/]
  ]
  for (const [reply, kind, remedy] of replies) {
    const trouble = redisTrouble(new Error(reply))
    assert.equal(trouble.kind, kind, reply)
    assert.match(trouble.remedy, remedy, reply)
  }
  assert.equal(redisTrouble(coded('ECONNREFUSED')).kind, 'away')
  assert.match(redisTrouble(coded('ERR_SSL_WRONG_VERSION_NUMBER')).what, /TLS/)
})

test('a full, read-only, foreign, damaged or missing disk is told from a bug, whoever reports it', () => {
  const sqlite = (errcode: number) => Object.assign(new Error('disk I/O error'), { errcode })
  const emscripten = (errno: number) => ({ name: 'ErrnoError', errno })
  const cases: [unknown, string, RegExp][] = [
    [coded('ENOSPC'), 'refuses writes', /room/],
    [coded('EDQUOT'), 'refuses writes', /quota/],
    [coded('EFBIG'), 'refuses writes', /ulimit -f/],
    [coded('EROFS'), 'refuses writes', /writable/],
    [coded('EACCES'), 'refuses us', /chown/],
    [coded('EMFILE'), 'away', /ulimit -n/],
    [coded('EIO'), 'refuses writes', /check the disk/],
    [sqlite(13), 'refuses writes', /room/],
    [sqlite(4874), 'refuses writes', /room/], // SHMSIZE
    [sqlite(8), 'refuses writes', /writable/],
    [sqlite(14), 'refuses us', /belongs/],
    [sqlite(5), 'away', /process/],
    [sqlite(11), 'bad input', /copy/],
    [sqlite(26), 'bad input', /copy/],
    [emscripten(51), 'refuses writes', /room/],
    [emscripten(69), 'refuses writes', /writable/],
    [emscripten(33), 'away', /ulimit -n/]
  ]
  for (const [error, kind, remedy] of cases) {
    const trouble = diskTrouble(error)
    assert.equal(trouble?.kind, kind, JSON.stringify(error))
    assert.match(trouble.remedy, remedy)
    assert.doesNotMatch(sentenceOf('it', trouble, error), /undefined|\[object/)
  }
  const bug = new TypeError('x is not a function')
  assert.equal(diskError('/somewhere', bug), bug)
  const known = new HaifError('CONFIG_INVALID', 'said already')
  assert.equal(diskError('/somewhere', known), known)
  assert.equal(networkTrouble(coded('ENOSPC')), null)
})

test('an error that has no words is given its number, never "undefined"', () => {
  assert.equal(wordsOf({ name: 'ErrnoError', errno: 51 }), 'error 51')
  assert.equal(wordsOf(coded('EIO', '')), 'EIO')
  assert.equal(wordsOf(undefined), 'nothing was said')
  assert.equal(wordsOf({ code: 'ENOSPC' }), 'ENOSPC')
})

test('every status of HTTP is sorted, and each says what to do', () => {
  const kinds: Record<string, number[]> = {
    'refuses us': [301, 302, 307, 401, 402, 403, 404, 405, 407, 410, 426, 451, 501, 511],
    'bad input': [400, 406, 409, 411, 413, 414, 415, 416, 418, 422, 431],
    away: [408, 425, 429, 500, 502, 503, 504, 520, 529, 599],
    'refuses writes': [507]
  }
  for (const [kind, statuses] of Object.entries(kinds)) {
    for (const status of statuses) assert.equal(httpTrouble(status)?.kind, kind, String(status))
  }
  for (let status = 300; status <= 599; status++) {
    const trouble = httpTrouble(status)
    assert.ok(trouble !== null && trouble.what !== '' && trouble.remedy !== '', String(status))
  }
  assert.equal(httpTrouble(206), null)
})

test('a remedy is never cut off by the words of the thing', () => {
  const trouble = redisTrouble(new Error(`MISCONF ${'Redis explains itself. '.repeat(40)}`))
  const sentence = sentenceOf('Redis', trouble, new Error('MISCONF '.repeat(100)))
  assert.equal(reasonOf(sentence), sentence)
  assert.ok(sentence.endsWith(trouble.remedy))
})
