/** The peer at the other end of a connection, proven by its Noise key and its certificate. */
export interface PeerIdentity {
  /** Public key in hex. */
  readonly key: string
  /** One that its certificate names, or `guest`. */
  readonly role: string
  /** What people call it, from its certificate; may be empty. */
  readonly name?: string
  /** The address that a guest comes from. */
  readonly address?: string
}
