/**
 * Reads the memory budget that its owner gives a worker: `12GB`, `50%` (of what is free when the
 * worker starts) or `ram=12GB,vram=20GB`. A part that is not given is a share of what is free.
 */
import type { Hardware, Memory } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'

/** The memory that all models of a worker may take together. */
export interface MemoryBudget extends Memory {
  /** Set by the owner: pinned models are refused beyond it too. Else it only triggers unloading. */
  strict: boolean
}

type Amount = { bytes: number } | { share: number }
export interface BudgetWish {
  ram?: Amount
  vram?: Amount
}

/** The rest is for whatever else the machine does. */
const RAM_SHARE = 0.8
const VRAM_SHARE = 0.9

const UNITS: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }

/** An empty text is no wish. */
export function parseBudget(text: string): BudgetWish {
  const wish: BudgetWish = {}
  for (const part of text.split(',').filter((each) => each.trim() !== '')) {
    const [, kind = 'ram', amount = ''] = /^\s*(?:(ram|vram)\s*=)?(.*)$/i.exec(part) ?? []
    const parsed = parseAmount(amount.trim())
    if (parsed === null) throw invalid(text)
    wish[kind.toLowerCase() as 'ram' | 'vram'] = parsed
  }
  return wish
}

/** Null where the text is no amount. */
export function parseAmount(text: string): Amount | null {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1]
  if (percent !== undefined) {
    const share = Number(percent) / 100
    return share > 0 && share <= 1 ? { share } : null
  }
  const [, number, unit = '', binary] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?$/i.exec(text) ?? []
  if (number === undefined) return null
  const prefix = unit.toUpperCase()
  const factor = binary ? 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(prefix) : UNITS[prefix]!
  const bytes = Math.floor(Number(number) * factor)
  return bytes > 0 ? { bytes } : null
}

/** The shares are of the memory that was free when the worker started. */
export function budgetOf(wish: BudgetWish, { ram, gpu }: Hardware): MemoryBudget {
  return {
    ramBytes: bytesOf(wish.ram ?? { share: RAM_SHARE }, ram.freeBytes),
    vramBytes: bytesOf(wish.vram ?? { share: VRAM_SHARE }, gpu?.freeBytes ?? 0),
    strict: wish.ram !== undefined || wish.vram !== undefined
  }
}

const bytesOf = (amount: Amount, freeBytes: number): number =>
  'bytes' in amount ? amount.bytes : Math.floor(amount.share * freeBytes)

function invalid(text: string): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `--memory-budget ${text} cannot be used: write for example 12GB, 50% or ram=12GB,vram=20GB`
  )
}
