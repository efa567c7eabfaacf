/**
 * What a token of a prompt costs, in small pieces and in large ones, from the pieces that were
 * read. It grows with what was read before, and where attention is computed in tiles a token of a
 * small piece may cost six times as much. A single piece in which the machine was busy with
 * something else changes an estimate by a bounded factor.
 */
import assert from 'node:assert/strict'

/**
 * llama.cpp computes attention on the CPU in tiles of so many tokens, from the first whole one on:
 * 64 tokens after 2,000 others take less time than 32.
 */
export const TILE_TOKENS = 64

export class PieceCosts {
  #small: number | null = null
  #large: number | null = null
  /** False once small pieces cost much more than the large one that came after them. */
  #smallIsGood = true

  record(tokens: number, ms: number): void {
    assert(tokens > 0)
    if (tokens < COMPARABLE_TOKENS || ms <= 0) return
    if (tokens < TILE_TOKENS) {
      this.#small = follow(this.#small ?? guessSmall(this.#large), ms / tokens)
      return
    }
    // Compared with this very piece, as both were read after about as many tokens. Later ones only
    // cost more, and small pieces are not read any more, so it is not asked again.
    const measured = withoutSpike(this.#large, ms / tokens)
    if (this.#small !== null) this.#smallIsGood &&= this.#small <= measured * GOOD_FACTOR
    this.#large = follow(this.#large, measured)
  }

  /** Forgets what small pieces cost, which the next prompt may find cheap again. */
  begin(): void {
    this.#small = null
    this.#smallIsGood = true
  }

  get smallIsGood(): boolean {
    return this.#smallIsGood
  }

  /** Milliseconds for a token of a large piece; `otherwise` until there was one. */
  largeTokenMs(otherwise: number): number {
    return this.#large ?? otherwise
  }

  smallTokenMs(otherwise: number): number {
    return this.#small ?? guessSmall(this.#large) ?? otherwise
  }
}

/** A piece of so few tokens says more about beginning a step than about tokens. */
const COMPARABLE_TOKENS = 8
const GOOD_FACTOR = 1.4
/** What a token of a small piece is thought to cost more, before there was one. */
const SMALL_FACTOR = 2
const WEIGHT = 0.3
const SPIKE_FACTOR = 2

function follow(known: number | null, measured: number): number {
  if (known === null) return measured
  return known + WEIGHT * (withoutSpike(known, measured) - known)
}

const withoutSpike = (known: number | null, measured: number): number =>
  known === null
    ? measured
    : Math.min(known * SPIKE_FACTOR, Math.max(known / SPIKE_FACTOR, measured))

const guessSmall = (large: number | null): number | null =>
  large === null ? null : large * SMALL_FACTOR
