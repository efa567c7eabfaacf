/**
 * Where a mesh is found: its name, how far it reaches, and the DHT nodes to begin with. None of it
 * is a secret.
 */

/** The machines that can be peers: only this one, those of the local network, or any. */
export const REACHES = ['local', 'lan', 'public'] as const
export type Reach = (typeof REACHES)[number]

export interface Address {
  host: string
  port: number
}

export interface MeshAddress {
  /** The root's public key: the name of the mesh. */
  mesh: Buffer
  reach: Reach
  /** DHT nodes to begin with; empty for the public DHT. */
  bootstrap: Address[]
}
