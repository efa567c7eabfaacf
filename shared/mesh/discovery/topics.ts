/**
 * Where peers of a role find each other on the DHT. A topic is public: whoever stores it sees it.
 * So it is derived from the discovery secret of an epoch, which only members have: who has seen a
 * topic learns nothing about the others, and the next epoch has new ones.
 */
import { createHash, createHmac } from 'node:crypto'
import type { ListeningRole } from '#shared/contracts/peers/role.ts'

export function topicOf(discoverySecret: Buffer, role: ListeningRole): Buffer {
  return createHmac('sha256', discoverySecret).update(`haif/topic/${role}`).digest()
}

/**
 * Where those who let guests in announce themselves: whoever has an invite can find them by it. It
 * is the only topic that a stranger with an old invite knows, and members do not need it.
 */
export function hostTopicOf(mesh: Buffer): Buffer {
  return createHash('sha256').update('haif/hosts/').update(mesh).digest()
}

/**
 * Where relays announce the keys under which they relay, for machines that have an invite and no
 * certificate: where both networks give random ports, they reach nobody without a relay.
 */
export function hostRelayTopicOf(mesh: Buffer): Buffer {
  return createHash('sha256').update('haif/host-relays/').update(mesh).digest()
}

/** Of the epochs in use: while a mesh moves on, peers of both find each other. */
export function topicsOf(
  epochs: readonly { discoverySecret: Buffer }[],
  role: ListeningRole
): Buffer[] {
  return epochs.map(({ discoverySecret }) => topicOf(discoverySecret, role))
}
