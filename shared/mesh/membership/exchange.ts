/**
 * Keeps the membership of a peer up to date over its links (SPEC.md): tells every peer the list of
 * revoked peers, drops those who are on it, renews the certificate at a registry and shows the new
 * one.
 */
import {
  listMembers,
  MEMBERS_MAX,
  renewCredentials,
  showCertificate,
  tellRevocations
} from '#shared/contracts/peers/membership.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import { isMeantFor } from '#shared/rpc/parties.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Router } from '#shared/rpc/router.ts'
import { isMember, type MemberIdentity } from '../connection/member-identity.ts'
import { RENEW_AFTER_MS } from './authority.ts'
import { decodeCertificate, encodeCertificate } from './certificate-encoding.ts'
import { decodeCredentials, encodeCredentials } from './credentials.ts'
import type { Membership, CertificateTerms } from './membership.ts'
import type { Acquaintance } from './acquaintances.ts'
import { isListeningRole, type PeerRole } from '#shared/contracts/peers/role.ts'

/** How often a registry is asked whom it is connected with. */
const MEMBERS_MS = 15_000
/** How often a certificate is looked at: the own one, and those of linked peers. */
const CHECK_MS = 10 * 60_000
const ANSWER_MS_MAX = 5000
/** Longer than a hello takes, on both sides. */
const RENEWED_LATELY_MS = 10_000
/** A peer on the list still reads the list, so that it can say why it was dropped. */
const REVOKED_LINGER_MS = 250

const isAcquaintance = (member: { role: string; key: string }): member is Acquaintance =>
  isListeningRole(member.role)

/** Decides what a renewed certificate says, or throws why there is none. */
export type Renews = (peer: MemberIdentity) => CertificateTerms | Promise<CertificateTerms>

interface ExchangeOptions {
  membership: Membership
  links: (role?: PeerRole) => PeerLink[]
  /** Where this peer can sign; the default renews what the peer has. */
  renews?: Renews | undefined
  /** Called when this peer itself is no member any more. */
  onFallen: (error: HaifError) => void
  log: Logger
}

export class Exchange {
  readonly #options: ExchangeOptions
  #timers: NodeJS.Timeout[] = []
  #renewing = false
  #renewedAt = -Infinity
  readonly #onRevocations = () => this.#spread()
  readonly #onCredentials = () => this.#showAll()

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Adds what every peer answers. */
  addTo(router: Router): void {
    const { membership, renews = (peer) => peer.certificate } = this.#options
    router
      .respond(tellRevocations, ({ list }, { peer }) => {
        this.#learn(list, peer)
        return {}
      })
      .respond(showCertificate, ({ certificate }, { peer }) => {
        this.#replace(peer, certificate)
        return {}
      })
      .respond(listMembers, () => ({ members: this.#members() }))
    if (membership.authority === null) return
    router.respond(renewCredentials, async (_, { peer }) => {
      if (!isMember(peer)) throw new HaifError('ROLE_NOT_ALLOWED', 'a guest has nothing to renew')
      membership.assertStands(peer.certificate)
      const credentials = membership.certify(peer.certificate.peer, await renews(peer))
      return { credentials: encodeCredentials(credentials).toString('base64') }
    })
  }

  start(): void {
    const { membership } = this.#options
    membership.on('revocations', this.#onRevocations)
    membership.on('credentials', this.#onCredentials)
    const askRegistry = () => void this.#askMembers(this.#options.links('registry')[0])
    this.#timers = [
      setInterval(() => this.#check(), CHECK_MS),
      setInterval(askRegistry, MEMBERS_MS)
    ]
    for (const timer of this.#timers) timer.unref()
    this.#check()
  }

  stop(): void {
    const { membership } = this.#options
    membership.off('revocations', this.#onRevocations)
    membership.off('credentials', this.#onCredentials)
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** A connection is open: each side tells the other what it knows. */
  linked(link: PeerLink): void {
    void this.#tell(link)
    if (isMeantFor(listMembers.parties, link.peer)) void this.#askMembers(link)
    // The hello of this connection may have shown the certificate before.
    if (performance.now() - this.#renewedAt < RENEWED_LATELY_MS) void this.#show(link)
    void this.#renewIfDue()
  }

  /** Those that were dialled before, because others look for them. */
  #members() {
    const members = this.#options.links().map(({ peer: { key, role } }) => ({ key, role }))
    return members.filter(isAcquaintance).slice(0, MEMBERS_MAX)
  }

  async #askMembers(link: PeerLink | undefined): Promise<void> {
    if (link === undefined) return
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      const { members } = await link.call(listMembers, {}, context)
      const { acquaintances } = this.#options.membership
      for (const member of members) if (isAcquaintance(member)) acquaintances.add(member)
    } catch (error) {
      this.#missed(link, error, 'the registry did not say whom it knows')
    }
  }

  #learn(list: string, peer: PeerIdentity): void {
    const { membership, log } = this.#options
    if (!membership.learn(Buffer.from(list, 'base64'))) return
    const { seq, peers, epoch } = membership.revocations!
    log.info({ seq, epoch, revoked: peers.size, from: peer.key }, 'new list of revoked peers')
  }

  #noteOwnFall(): void {
    const { membership, onFallen } = this.#options
    try {
      membership.assertMember()
    } catch (error) {
      onFallen(error as HaifError)
    }
  }

  #replace(peer: PeerIdentity, text: string): void {
    if (!isMember(peer)) return
    const certificate = decodeCertificate(Buffer.from(text, 'base64'))
    this.#options.membership.check(certificate, peer.certificate.peer, peer.role as PeerRole)
    peer.certificate = certificate
  }

  /** The list is told before its peers are dropped. */
  #spread(): void {
    for (const link of this.#options.links()) void this.#tell(link)
    this.#dropFallen()
    this.#noteOwnFall()
    void this.#renewIfDue()
  }

  async #tell(link: PeerLink): Promise<void> {
    const list = this.#options.membership.revocations
    if (list === null) return
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      await link.call(tellRevocations, { list: list.bytes.toString('base64') }, context)
    } catch (error) {
      this.#missed(link, error, 'list of revoked peers not taken')
    }
  }

  #dropFallen(): void {
    const { membership, log } = this.#options
    for (const link of this.#options.links()) {
      const { peer } = link
      if (!isMember(peer)) continue
      try {
        membership.assertStands(peer.certificate)
      } catch (error) {
        const { code, message } = error as HaifError
        log.warn({ peer: peer.key, role: peer.role, code }, `dropped: ${message}`)
        setTimeout(() => link.close(message), REVOKED_LINGER_MS)
      }
    }
  }

  #showAll(): void {
    this.#renewedAt = performance.now()
    for (const link of this.#options.links()) void this.#show(link)
  }

  async #show(link: PeerLink): Promise<void> {
    const bytes = encodeCertificate(this.#options.membership.certificate)
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      await link.call(showCertificate, { certificate: bytes.toString('base64') }, context)
    } catch (error) {
      this.#missed(link, error, 'renewed certificate not taken')
    }
  }

  #check(): void {
    this.#dropFallen()
    void this.#renewIfDue()
  }

  async #renewIfDue(): Promise<void> {
    const { membership, links } = this.#options
    if (this.#renewing || !membership.isRenewalDue(RENEW_AFTER_MS)) return
    this.#renewing = true
    try {
      if (membership.authority !== null) membership.renewItself()
      else for (const link of links('registry')) if (await this.#renewAt(link)) break
    } finally {
      this.#renewing = false
    }
  }

  async #renewAt(link: PeerLink): Promise<boolean> {
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      const { credentials } = await link.call(renewCredentials, {}, context)
      this.#options.membership.renew(decodeCredentials(Buffer.from(credentials, 'base64')))
      return true
    } catch (error) {
      this.#missed(link, error, 'certificate not renewed')
      return false
    }
  }

  /** The next link, or the next check, brings it again. */
  #missed(link: PeerLink, err: unknown, what: string): void {
    if (!link.isClosed) this.#options.log.debug({ peer: link.peer.key, err }, what)
  }
}
