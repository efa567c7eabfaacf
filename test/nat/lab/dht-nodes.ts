/** The DHT of the laboratory's internet: `dht-nodes.ts <port> <host…>`. Tells when it is up. */
import process from 'node:process'
import DHT from 'hyperdht'

const [port, ...hosts] = process.argv.slice(2)
const nodes: DHT[] = []
for (const host of hosts) {
  const others = hosts.slice(0, nodes.length).map((known) => ({ host: known, port: Number(port) }))
  const node = new DHT({
    bootstrap: others,
    host,
    port: Number(port),
    anyPort: false,
    ephemeral: false,
    firewalled: false
  })
  await node.fullyBootstrapped()
  nodes.push(node)
}
process.on('disconnect', () => process.exit())
process.send!({ up: true })
