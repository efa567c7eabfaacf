/**
 * Tokens used in the present day and month, of each token and each tenant.
 *
 * Counted here in memory, so that no request waits for the database; what was counted is handed
 * over in batches, and the totals of all gateways come back. Between two batches gateways do not
 * know of each other's last second.
 */
import { HaifError } from '#shared/errors.ts'
import { PresentPeriods, type BudgetPeriod, type BudgetSpan } from './budget-period.ts'

/** Subjects whose use is kept in memory; twice as many as tokens and tenants usually are. */
const SUBJECTS_MAX = 200_000

export interface BudgetUse {
  /** `token/<id>` or `tenant/<id>`. */
  subject: string
  period: string
  tokens: number
  /** Counted by two gateways for one answer, and taken back: only `tokens` less this is used. */
  givenBack?: number
}

interface Count {
  span: BudgetSpan
  period: string
  /** As the store had it last. */
  stored: number
  givenBack: number
  /** Not yet handed over, and handed over but not yet answered. */
  unstored: number
  flushing: number
  /** Tokens that running requests hold. */
  reserved: number
}

export interface BudgetAsk {
  subject: string
  /** The owner as the error message names it. */
  owner: string
  span: BudgetSpan
  limit: number
}

export class Budgets {
  readonly #counts = new Map<string, Count>() // at most 2 * SUBJECTS_MAX
  readonly #periods = new PresentPeriods()
  readonly #now: () => number

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Throws BUDGET_EXHAUSTED when one of the budgets has less left than `tokens`. */
  assertLeft(asks: readonly BudgetAsk[], tokens: number): void {
    const now = this.#now()
    for (const ask of asks) {
      const left = this.#leftOf(ask, now)
      const { owner, span, limit } = ask
      if (tokens > left) throw exhausted(owner, this.#periods.at(span, now), limit, left, now)
    }
  }

  /** The tokens left of the tightest budget; `Infinity` where there is none. */
  left(asks: readonly BudgetAsk[]): number {
    const now = this.#now()
    return Math.min(Infinity, ...asks.map((ask) => this.#leftOf(ask, now)))
  }

  /** What is left of one budget, and the time until it renews. */
  leftOf(ask: BudgetAsk): { left: number; resetsInMs: number } {
    const now = this.#now()
    const { endsAt } = this.#periods.at(ask.span, now)
    return { left: this.#leftOf(ask, now), resetsInMs: endsAt - now }
  }

  #leftOf({ subject, span, limit }: BudgetAsk, now: number): number {
    const count = this.#count(subject, this.#periods.at(span, now))
    const { stored, givenBack, unstored, flushing, reserved } = count
    return Math.max(0, limit - stored + givenBack - unstored - flushing - reserved)
  }

  /** Holds so many until the returned function says how many were used. */
  reserve(subjects: readonly string[], tokens: number): (used: number) => void {
    const now = this.#now()
    const counts = subjects.flatMap((subject) => [
      this.#count(subject, this.#periods.at('day', now)),
      this.#count(subject, this.#periods.at('month', now))
    ])
    for (const count of counts) count.reserved += tokens
    return (used) => {
      for (const count of counts) {
        count.reserved -= tokens
        count.unstored += used
      }
    }
  }

  /** What has been used since the last batch; `done` or `failed` must follow. */
  takeBatch(max: number): BudgetUse[] {
    const batch: BudgetUse[] = []
    for (const [key, count] of this.#counts) {
      if (count.unstored === 0 || count.flushing > 0) continue
      count.flushing = count.unstored
      count.unstored = 0
      batch.push({ subject: subjectOf(key), period: count.period, tokens: count.flushing })
      if (batch.length >= max) break
    }
    return batch
  }

  /** The batch is stored, and these are the totals. */
  done(batch: readonly BudgetUse[], totals: readonly BudgetUse[]): void {
    for (const { subject, period } of batch) {
      const count = this.#counts.get(keyOf(subject, period))
      if (count !== undefined) count.flushing = 0
    }
    this.learn(totals)
  }

  failed(batch: readonly BudgetUse[]): void {
    for (const { subject, period } of batch) {
      const count = this.#counts.get(keyOf(subject, period))
      if (count === undefined) continue
      count.unstored += count.flushing
      count.flushing = 0
    }
  }

  /** Totals that the store has. Both only grow, so an older answer changes nothing. */
  learn(totals: readonly BudgetUse[]): void {
    const now = this.#now()
    for (const { subject, period, tokens, givenBack = 0 } of totals) {
      const span = period.length > 7 ? 'day' : 'month'
      if (period !== this.#periods.at(span, now).name) continue
      const count = this.#count(subject, { span, name: period })
      count.stored = Math.max(count.stored, tokens)
      count.givenBack = Math.max(count.givenBack, givenBack)
    }
  }

  /** Forgets the periods that are over and fully stored. */
  tidy(): void {
    const now = this.#now()
    for (const [key, count] of this.#counts) {
      const isOver = count.period !== this.#periods.at(count.span, now).name
      const isSettled = count.unstored === 0 && count.flushing === 0 && count.reserved === 0
      if (isOver && isSettled) this.#counts.delete(key)
    }
  }

  #count(subject: string, { span, name }: Pick<BudgetPeriod, 'span' | 'name'>): Count {
    const key = keyOf(subject, name)
    let count = this.#counts.get(key)
    if (count === undefined) {
      if (this.#counts.size >= 2 * SUBJECTS_MAX) {
        throw new HaifError('RATE_LIMITED', 'too many tenants and tokens are in use at once')
      }
      const nothing = { stored: 0, givenBack: 0, unstored: 0, flushing: 0, reserved: 0 }
      count = { span, period: name, ...nothing }
      this.#counts.set(key, count)
    }
    return count
  }
}

const keyOf = (subject: string, period: string): string => `${period} ${subject}`
const subjectOf = (key: string): string => key.slice(key.indexOf(' ') + 1)

function exhausted(
  owner: string,
  { span, endsAt }: BudgetPeriod,
  limit: number,
  left: number,
  now: number
): HaifError {
  const renewsAt = new Date(endsAt).toISOString()
  const what = `of the ${limit} tokens that ${owner} has for this ${span}`
  const message =
    left === 0
      ? `none is left ${what}; they renew at ${renewsAt}`
      : `only ${left} are left ${what}: ask for fewer with max_tokens, or wait until they renew at ${renewsAt}`
  return new HaifError('BUDGET_EXHAUSTED', message, {
    retryAfterMs: endsAt - now,
    details: { budget: span, limit, left, renews_at: renewsAt }
  })
}
