/**
 * What a model may take of the memory that is free. llama.cpp does not refuse what is too large:
 * the system would kill the process.
 */
import { fitContext, SMALLEST_TOKENS } from '../../../memory/fit-context.ts'
import type { ContextSize, MemoryPool } from '../../../memory/fit-context.ts'
import { ramBytesFree } from '../../../memory/ram.ts'
import type { LoadOptions } from '../messages.ts'
import { contextWish } from './context-wish.ts'

interface KnownOfModel {
  trainedTokens: number
  onGpu: boolean
  pools: readonly MemoryPool[]
}

export function refuseOversized(sizeBytes: number): void {
  const free = ramBytesFree()
  if (sizeBytes <= free) return
  throw new Error(`it needs ${gigabytes(sizeBytes)} of memory and ${gigabytes(free)} are free`)
}

export function fittingContext(options: LoadOptions, known: KnownOfModel): ContextSize {
  const size = fitContext(contextWish(options, known), known.pools)
  if (size !== null) return size
  const tokens = Math.min(options.contextTokens ?? SMALLEST_TOKENS, known.trainedTokens)
  throw new Error(`there is not enough free memory for a context of ${tokens} tokens`)
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
