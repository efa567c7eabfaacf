/** A home and a worker behind their NATs, and how long they take to meet. */
import { randomBytes } from 'node:crypto'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { encodeRoot } from '../../helpers/peers/mesh-root.ts'
import type { Lab, Program } from './lab.ts'
import type { PeersOptions, SeenLink } from './peers.ts'
import type { ServingOptions } from './serving.ts'

interface Meeting {
  orchestratorMs: number
  registryMs: number
  links: SeenLink[]
}

export function newMesh({ bootstrap }: Lab): string {
  return encodeRoot({ secret: randomBytes(32), reach: 'public', bootstrap })
}

const startPeers = (lab: Lab, siteName: string, options: PeersOptions) =>
  started(lab.program(siteName, 'peers.ts', options))

export const startServing = (lab: Lab, siteName: string, options: ServingOptions) =>
  started(lab.program(siteName, 'serving.ts', options))

async function started(program: Program): Promise<Program> {
  await program.ask('start')
  return program
}

/**
 * Registry and orchestrator, as in the process of `haif up`. `relays`: the registry does, too, as
 * on a machine with a public address.
 */
export const startHome = (lab: Lab, siteName: string, root: string, relays = false) =>
  startPeers(lab, siteName, {
    root,
    peers: [
      { role: 'registry', relays },
      { role: 'orchestrator', follow: ['registry'] }
    ]
  })

/** A registry does it, too: see `startHome`. */
export type RelayingRole = 'relay' | 'gateway'

export const startRelay = (
  lab: Lab,
  siteName: string,
  root: string,
  tlsPort?: number,
  role: RelayingRole = 'relay'
) =>
  startPeers(lab, siteName, {
    root,
    peers: [{ role, relays: true, ...(tlsPort === undefined ? {} : { tlsPort }) }]
  })

interface MeetOptions {
  tlsRelays?: Address[] | undefined
  /** As the worker would have kept it from an earlier run. */
  acquaintances?: string | undefined
  /** What happens while the worker is there; then it is killed. */
  during?: (worker: Program) => Promise<void>
}

export async function meet(
  lab: Lab,
  siteName: string,
  root: string,
  { tlsRelays = [], acquaintances = '', during }: MeetOptions = {}
): Promise<Meeting> {
  const worker = await startPeers(lab, siteName, {
    root,
    tlsRelays,
    acquaintances,
    peers: [{ role: 'worker', follow: ['orchestrator', 'registry'] }]
  })
  try {
    const orchestratorMs = await worker.ask<number>('reached', 'orchestrator')
    const registryMs = await worker.ask<number>('reached', 'registry')
    const links = await worker.ask<SeenLink[]>('links')
    await during?.(worker)
    return { orchestratorMs, registryMs, links }
  } finally {
    await worker.kill()
  }
}
