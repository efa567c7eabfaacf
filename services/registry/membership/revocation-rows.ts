/** The signed list of revoked peers in the store, through which registries agree on it. */
import type { Membership } from '#shared/mesh/membership/membership.ts'
import type { RevocationFacts } from '#shared/mesh/membership/revocation.ts'
import type { Queryable } from '#shared/store/store.ts'

/** Any number that nothing else of HAIF locks. */
const LOCK = 7_415_020

type Change = Partial<Pick<RevocationFacts, 'peers' | 'epoch' | 'leastEpoch'>>

/** Takes over what another registry has signed. Throws when it is of another mesh. */
export async function learnRevocations(tx: Queryable, membership: Membership): Promise<void> {
  const [row] = await tx.query<{ list: string }>('select list from revocations where id = 1')
  if (row !== undefined) membership.learn(Buffer.from(row.list, 'base64'))
}

/**
 * Signs the list that follows all that are known, and stores it; registries take turns. Peers have
 * it before the store does: where that fails nobody is let in again.
 */
export async function revoke(
  tx: Queryable,
  membership: Membership,
  change: (epoch: number) => Change
): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [LOCK])
  await learnRevocations(tx, membership)
  membership.revoke(change(membership.revocations?.epoch ?? membership.certificate.epoch))
  await tx.query(
    `insert into revocations (id, list) values (1, $1)
     on conflict (id) do update set list = excluded.list`,
    [membership.revocations!.bytes.toString('base64')]
  )
}
