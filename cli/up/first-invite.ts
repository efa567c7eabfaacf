/** The invite that `haif up` prints at its start: for one worker, and not for long. */
import type { Registry } from '../../services/registry/registry-here.ts'

const LIFE_MS = 3_600_000

/** The registry has started; its database may still be opening. Null: it keeps nothing. */
export function firstInvite({ desk }: Pick<Registry, 'desk'>): string | null {
  if (desk === null) return null
  const wish = { roles: ['worker' as const], expiresInMs: LIFE_MS, usesMax: 1 }
  const { topicKey, stored } = desk.invites.make(wish, 'haif up')
  stored.catch(() => {}) // whoever needs the database says what is wrong with it
  return topicKey
}
