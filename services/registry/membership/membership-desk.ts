/**
 * Where a registry lets machines in and where operators decide about them. What it signs is what
 * the invite allows; what it records is in the store, so that several registries agree.
 */
import {
  approveMember,
  createInvite,
  listInvites,
  listMembers,
  redeem,
  removeInvite,
  renameMember,
  revokeMember,
  rotateMesh,
  type Redeem,
  type Welcome
} from '#shared/contracts/peers/members.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { GuestEntrance } from '#shared/mesh/connection/handshake.ts'
import { encodeCredentials } from '#shared/mesh/membership/credentials.ts'
import type { Renews } from '#shared/mesh/membership/exchange.ts'
import type { Membership } from '#shared/mesh/membership/membership.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import { Attempts } from './attempts.ts'
import { Decisions, MEMBERSHIP_CHANNEL } from './decisions.ts'
import { Invites, type Entrance } from './invites.ts'
import { memberById, memberOfKey } from './member-rows.ts'
import { MemberNames } from './member-names.ts'
import { Members, RENAMED } from './members.ts'
import { assertProven, Redeemer } from './redeemer.ts'
import { assertNotTurnedAway, type MemberRow } from './redemption.ts'
import { learnRevocations } from './revocation-rows.ts'

const SWEEP_MS = 3_600_000

interface DeskDeps {
  store: Store
  /** Of this registry; it can sign. */
  membership: Membership
  /** Where a newcomer finds this mesh. */
  entrance: () => Entrance
  /** `key` in hex. */
  isConnected: (key: string) => boolean
  /** Milliseconds since 1970. */
  now?: () => number
  log: Logger
}

export class MembershipDesk implements Service {
  readonly invites: Invites
  readonly names: MemberNames
  readonly #deps: DeskDeps
  readonly #members: Members
  readonly #redeemer: Redeemer
  readonly #decisions: Decisions
  readonly #attempts: Attempts
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(deps: DeskDeps) {
    const { store, now = Date.now } = deps
    this.#deps = deps
    this.invites = new Invites({ ...deps, now })
    this.#members = new Members({ ...deps, now })
    this.names = new MemberNames(store)
    this.#redeemer = new Redeemer({ store, now })
    this.#decisions = new Decisions(store, (notice) => void this.#learn(notice))
    this.#attempts = new Attempts(now)
  }

  /** The store has started before, but may open only later: nobody waits for that here. */
  async start(): Promise<void> {
    this.#decisions.start().then(
      () => this.#learn(),
      (err: unknown) => {
        if (!this.#isStopped) {
          this.#deps.log.warn({ err }, 'cannot hear what other registries decide')
        }
      }
    )
    this.#timer = setInterval(() => void this.#forget(), SWEEP_MS)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#decisions.stop()
  }

  /** For whoever makes invites in this process. */
  get inviting(): { invites: Invites; entrance: () => Entrance } {
    return { invites: this.invites, entrance: this.#deps.entrance }
  }

  /** For those who have nothing but an invite: they may redeem it. */
  guests(): GuestEntrance {
    const letIn = (request: Redeem, context: ServerContext) => this.#letIn(request, context)
    return {
      admit: (helloId) => this.invites.assertKnown(helloId),
      router: new Router().serve(redeem, letIn)
    }
  }

  /** What gateways ask for operators. */
  answer(router: Router): void {
    const { invites } = this
    const members = this.#members
    router
      .respond(createInvite.registry, async (wish) => {
        const created = await invites.create(wish, wish.by ?? UNNAMED)
        await this.#deps.store.notify(MEMBERSHIP_CHANNEL, created.invite.id)
        return created
      })
      .respond(listInvites.registry, async ({ all = false }) => ({
        invites: await invites.list(all)
      }))
      .respond(removeInvite.registry, ({ id }) => invites.remove(id))
      .respond(listMembers.registry, async ({ states }) => ({
        members: await members.list(states)
      }))
      .respond(approveMember.registry, ({ who, by = UNNAMED }) => members.approve(who, by))
      .respond(revokeMember.registry, ({ who, by = UNNAMED }) => members.revoke(who, by))
      .respond(renameMember.registry, ({ who, name }) => members.rename(who, name))
      .respond(rotateMesh.registry, async () => ({ epoch: await members.rotate() }))
  }

  /** What a renewed certificate says: the name may have changed since. Throws PEER_REVOKED. */
  renews(): Renews {
    return async ({ key, certificate }) => {
      const member = await memberOfKey(this.#deps.store, key)
      if (member === null) return certificate // it was certified without an invite
      assertNotTurnedAway(member)
      return { roles: certificate.roles, name: member.name }
    }
  }

  async *#letIn(
    request: Redeem,
    context: ServerContext
  ): AsyncGenerator<{ name: string }, Welcome, void> {
    const { log } = this.#deps
    assertProven(request.keys, context.peer.key)
    let member = await this.#redeem(request, context)
    if (member.state === 'waiting') {
      log.info({ name: member.name, peer: context.peer.key }, 'a machine waits to be approved')
      yield { name: member.name }
      const { id } = member
      member = await this.#decisions.until(() => this.#decided(id), context.signal)
    }
    log.info({ name: member.name, peer: context.peer.key }, 'a machine has joined')
    return this.#welcome(member, request.keys)
  }

  async #redeem(request: Redeem, { peer }: ServerContext): Promise<MemberRow> {
    const address = peer.address ?? peer.key
    this.#attempts.assertMayTry(address)
    await this.invites.settled()
    try {
      return await this.#redeemer.redeem(request)
    } catch (error) {
      const { httpStatus } = toHaifError(error)
      if (httpStatus === FORBIDDEN) this.#attempts.failed(address)
      throw error
    }
  }

  /** Null while nobody has decided. */
  async #decided(id: number): Promise<MemberRow | null> {
    const member = await memberById(this.#deps.store, id)
    if (member === null) {
      throw new HaifError('APPROVAL_REFUSED', 'nobody has approved this machine in time')
    }
    assertNotTurnedAway(member)
    return member.state === 'waiting' ? null : member
  }

  #welcome({ name }: MemberRow, keys: Redeem['keys']): Welcome {
    const { membership } = this.#deps
    const credentials = keys.map(({ key, role }) => {
      const own = membership.certify(Buffer.from(key, 'hex'), { roles: [role], name })
      return { key, credentials: encodeCredentials(own).toString('base64') }
    })
    const list = membership.revocations?.bytes.toString('base64')
    return { name, credentials, ...(list === undefined ? {} : { revocations: list }) }
  }

  /** Takes over what another registry has made or signed. Never rejects. */
  async #learn(notice: string = RENAMED): Promise<void> {
    const { store, membership, log } = this.#deps
    try {
      await learnRevocations(store, membership)
      await this.invites.refresh()
      if (notice === RENAMED) await this.names.refresh()
    } catch (error) {
      // At the end the store goes away under what is being read.
      if (!this.#isStopped) log.warn({ err: error }, 'cannot read who was revoked')
    }
  }

  async #forget(): Promise<void> {
    try {
      await this.invites.forget()
      await this.#members.forget()
    } catch {
      // The next sweep does it.
    }
  }
}

/** A gateway that does not say in whose name it asks. */
const UNNAMED = 'a gateway'

/** The status of all refusals of an invite. */
const FORBIDDEN = 403
