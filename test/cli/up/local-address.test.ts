/** The address in an invite for the local network, on machines that have several. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'

const MODULE = new URL('../../../cli/up/local-address.ts', import.meta.url).href

/** The interfaces of a machine of its own, with Docker's bridge as the first one. */
const DOCKER = ['link add docker0 type bridge', 'addr add 172.17.0.1/16 dev docker0']
const NETWORK = ['link add wlan0 type bridge', 'addr add 10.77.0.4/24 dev wlan0']
const UP = ['link set docker0 up', 'link set wlan0 up']
const ROUTE = ['route add default via 10.77.0.1 dev wlan0']

function addressIn(commands: readonly string[], given: string | null = null): string {
  const script = `
    import { localAddress } from '${MODULE}'
    console.log(await localAddress(${JSON.stringify(given)}).catch((error) => error.message))`
  const shell = [...commands.map((command) => `ip ${command}`), 'exec "$0" "$@"'].join(' && ')
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const run = spawnSync('unshare', ['-n', 'sh', '-c', shell, ...node], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stderr)
  return run.stdout.trim()
}

/** The reason why no machine can be made here. */
const NO_MACHINE =
  spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'd0', 'type', 'bridge']).status === 0
    ? false
    : 'network namespaces cannot be made here'

test('a bridge of Docker is not taken for the network', { skip: NO_MACHINE }, () => {
  assert.equal(addressIn([...DOCKER, ...NETWORK, ...UP, ...ROUTE]), '10.77.0.4')
  // A network without a router has no default route.
  assert.equal(addressIn([...DOCKER, ...NETWORK, ...UP]), '10.77.0.4')
  assert.equal(addressIn([...DOCKER, 'link set docker0 up']), '172.17.0.1')
})

test('a machine without a network, and an address that is none', { skip: NO_MACHINE }, () => {
  assert.match(addressIn([]), /no address on a local network.*leave it/)
  assert.equal(addressIn([], '192.168.1.5'), '192.168.1.5')
  assert.match(addressIn([], 'wlan0'), /--lan wlan0 cannot be used: it must be the IPv4 address/)
})
