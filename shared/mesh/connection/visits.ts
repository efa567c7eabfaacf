/** Guests that are connected: no peers of any service, here to redeem their invites and to go. */
import type { PeerLink } from '#shared/rpc/peer-link.ts'

/** The oldest makes room. */
const GUESTS_MAX = 256
/** Time to redeem an invite, with a person who has to approve it. */
const GUEST_MS_MAX = 10 * 60_000

export class Visits {
  readonly #guests = new Set<PeerLink>() // at most GUESTS_MAX

  add(link: PeerLink): void {
    const [oldest] = this.#guests
    if (this.#guests.size >= GUESTS_MAX) oldest!.close('too many guests')
    this.#guests.add(link)
    const timer = setTimeout(() => link.close('the visit is over'), GUEST_MS_MAX)
    void link.closed.finally(() => {
      clearTimeout(timer)
      this.#guests.delete(link)
    })
  }

  end(): void {
    for (const guest of this.#guests) guest.close('stopping')
  }
}
