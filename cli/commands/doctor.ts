/** `haif doctor`: what this machine's network lets through, and whether its mesh is reached. */
import process from 'node:process'
import type { Command } from 'commander'
import { registryList } from '#shared/contracts/peers/peers.ts'
import { toHaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { probeNetwork } from '#shared/mesh/diagnosis/probe-network.ts'
import { addressOf, hasJoined } from '#shared/main/seat.ts'
import type { MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import type { Environment } from '#shared/process/config.ts'
import { createContext } from '#shared/rpc/context.ts'
import { openClient } from '../ask/client.ts'
import { renderDoctor, type Findings } from '../screen/render-doctor.ts'
import { screenOf } from '../screen/terminal.ts'

const ANSWER_MS_MAX = 3000

interface DoctorOptions {
  json?: true
  topicKey?: string
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('say what keeps this machine from its mesh, and what to do')
    .option('--json', 'print JSON')
    .option('--topic-key <key>', 'the mesh (HAIF_TOPIC_KEY; default: the last one used here)')
    .action((options: DoctorOptions) => doctor(options, process.env))
}

async function doctor(options: DoctorOptions, env: Environment): Promise<void> {
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const address = knownMesh(options, env)
  const { reach = 'public', bootstrap = [] } = address ?? {}
  const [network, registry] = await Promise.all([
    probeNetwork({ reach, bootstrap }),
    address === null ? null : tryRegistry(options, env, interrupt.signal)
  ])
  const found = registry?.registry ?? null
  const clockAheadMs = registry?.clockAheadMs ?? null
  const findings = { reach, ownNodes: bootstrap.length > 0, network, registry: found, clockAheadMs }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(findings)}\n`
      : renderDoctor(findings, screenOf(process.stdout))
  )
  if (found !== null && 'problem' in found) process.exitCode = 1
}

/** Null where this machine has never been in a mesh; its network can be looked at all the same. */
function knownMesh({ topicKey }: DoctorOptions, env: Environment): MeshAddress | null {
  const home = new Home(env)
  const invite = home.invite(topicKey, env)
  return invite === null ? home.mesh.address : addressOf(invite)
}

async function tryRegistry(
  { topicKey }: DoctorOptions,
  env: Environment,
  signal: AbortSignal
): Promise<Pick<Findings, 'registry' | 'clockAheadMs'>> {
  const startedAt = performance.now()
  const as = comesAs(topicKey, env)
  try {
    await using client = await openClient({ role: 'registry', as, topicKey, env, signal })
    const afterMs = performance.now() - startedAt
    if (as === 'worker') {
      const { rttMs, path } = client.links()[0]!
      return { registry: { afterMs, rttMs, path }, clockAheadMs: null }
    }
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    const { now } = await client.peers.call(registryList, {}, context)
    const { rttMs, path } = client.links()[0]!
    const clockAheadMs = now === undefined ? null : Date.now() - rttMs / 2 - now
    return { registry: { afterMs, rttMs, path }, clockAheadMs }
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = toHaifError(error)
    const isWorking = as === 'worker' && code === 'HOME_IN_USE'
    return { registry: isWorking ? { isWorking } : { problem: message }, clockAheadMs: null }
  }
}

/** A machine that was let in as a worker alone has no other certificate to show. */
function comesAs(topicKey: string | undefined, env: Environment): 'client' | 'worker' {
  const home = new Home(env)
  const { address } = home.mesh
  if (address === null || home.invite(topicKey, env) !== null) return 'client'
  if (home.authorityOf(address.mesh) !== null) return 'client'
  const isOnlyWorker =
    hasJoined({ home, role: 'worker', address }) && !hasJoined({ home, role: 'client', address })
  return isOnlyWorker ? 'worker' : 'client'
}
