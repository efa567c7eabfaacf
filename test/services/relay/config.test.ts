import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTlsPlace } from '../../../services/relay/config.ts'
import { makeSelfSigned } from '#shared/mesh/connection/tls/self-signed.ts'
import { temporaryHome } from '../../helpers/cli.ts'

test('without a port it does not listen for TLS', () => {
  assert.equal(readTlsPlace({}), null)
})

test('a port alone is enough, and the option comes before the environment', () => {
  const place = readTlsPlace({ RELAY_TLS_PORT: '8443' }, { tlsPort: 9443 })
  assert.equal(place?.port, 9443)
  assert.match(place.certificate.cert, /BEGIN CERTIFICATE/)
  assert.equal(readTlsPlace({ RELAY_TLS_PORT: '8443' })?.port, 8443)
})

test('a certificate and its key are read from files, and neither goes alone', (t) => {
  const folder = temporaryHome(t)
  const { cert, key } = makeSelfSigned('relay.test')
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const env = { RELAY_TLS_PORT: '443', RELAY_TLS_CERT: certFile }
  assert.deepEqual(readTlsPlace({ ...env, RELAY_TLS_KEY: keyFile })?.certificate, { cert, key })
  assert.throws(() => readTlsPlace(env), { code: 'CONFIG_INVALID', message: /--tls-key/ })
  assert.throws(
    () => readTlsPlace({ ...env, RELAY_TLS_KEY: '/nowhere' }),
    /\/nowhere cannot be read/
  )
})
