import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import DHT from 'hyperdht'
import { certify, discoverySecretOf, rootAuthority } from '#shared/mesh/membership/authority.ts'
import {
  credentialsFile,
  decodeCredentials,
  encodeCredentials,
  meshName,
  readCredentials,
  readRevocationFile,
  writeCredentials,
  writeRevocationFile
} from '#shared/mesh/membership/credentials.ts'
import { noRevocations, signRevocations } from '#shared/mesh/membership/revocation.ts'

const root = rootAuthority(randomBytes(32))
const wish = { peer: DHT.keyPair().publicKey, roles: ['worker'], epoch: 4 } as const
const credentials = {
  certificate: certify(root, wish, Date.now()),
  epochs: [4, 3].map((number) => ({ number, discoverySecret: discoverySecretOf(root, number) }))
}

test('credentials are read as they were written, and nothing else is taken for them', () => {
  const bytes = encodeCredentials(credentials)
  assert.deepEqual(decodeCredentials(bytes), credentials)
  for (const bad of [bytes.subarray(0, -1), bytes.subarray(1), Buffer.alloc(0)]) {
    assert.throws(() => decodeCredentials(bad), { code: 'WRONG_MESH' })
  }
})

test('they are kept beside the key, per mesh, for the owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'haif-credentials-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = credentialsFile(join(folder, 'worker-2.key'), root.mesh)
  assert.equal(file, join(folder, `worker-2.${meshName(root.mesh)}.credentials`))
  assert.equal(readCredentials(file), null)
  writeCredentials(file, credentials)
  assert.deepEqual(readCredentials(file), credentials)
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
  writeFileSync(file, 'nonsense')
  assert.throws(() => readCredentials(file), { code: 'CONFIG_INVALID', message: /join again/ })

  const list = signRevocations(root, noRevocations(root.mesh, 1))
  const listFile = join(folder, 'list')
  assert.equal(readRevocationFile(listFile, root.mesh), null)
  writeRevocationFile(listFile, list)
  assert.deepEqual(readRevocationFile(listFile, root.mesh), list)
  writeFileSync(listFile, list.bytes.subarray(1).toString('base64'))
  assert.throws(() => readRevocationFile(listFile, root.mesh), {
    code: 'CONFIG_INVALID',
    message: /move it away/
  })
})
