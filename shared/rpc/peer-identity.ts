/** The peer at the other end of a connection, proven by its Noise key and the mesh secret. */
export interface PeerIdentity {
  /** Public key in hex. */
  readonly key: string
  readonly role: string
}
