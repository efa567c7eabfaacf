/** A simulated model by its URI: `sim:name?slots=4&decode=100`; each setting has a default. */
import { HaifError } from '#shared/errors.ts'
import { SIM_DEFAULTS, SimEngine, type SimOptions } from '../../engines/sim/sim-engine.ts'
import type { ModelSource } from './model-source.ts'

const SETTINGS = {
  slots: 'slots',
  kv: 'kvTokens',
  context: 'contextTokens',
  cache: 'cacheTokens',
  prefill: 'prefillTokensPerSecond',
  decode: 'decodeTokensPerSecond',
  answer: 'answerTokens',
  ram: 'ramBytes',
  vram: 'vramBytes',
  load: 'loadMs'
} as const satisfies Record<string, keyof SimOptions>

const isSetting = (key: string): key is keyof typeof SETTINGS => Object.hasOwn(SETTINGS, key)

export function simSource(uri: string, givenName: string | undefined): ModelSource {
  const [, uriName = '', query = ''] = /^sim:?([^?]*)\??(.*)$/.exec(uri) ?? []
  const name = givenName ?? (uriName === '' ? SIM_DEFAULTS.name : uriName)
  const options: Partial<SimOptions> = { name }
  for (const [key, text] of new URLSearchParams(query)) {
    if (!isSetting(key))
      throw invalid(uri, `${key} is not one of ${Object.keys(SETTINGS).join(', ')}`)
    options[SETTINGS[key]] = readRate(uri, key, text)
  }
  const { slots = SIM_DEFAULTS.slots, loadMs = SIM_DEFAULTS.loadMs } = options
  return {
    name,
    engine: 'sim',
    open: async () => new SimEngine(options),
    expect: () => ({ slots, loadMs })
  }
}

/** `inf` means at no cost for a rate, and without an end for a length. */
function readRate(uri: string, key: string, text: string): number {
  const value = text === 'inf' ? Infinity : Number(text)
  if (value > 0) return value
  throw invalid(uri, `${key} must be a number above 0, or inf`)
}

function invalid(uri: string, reason: string): HaifError {
  return new HaifError('CONFIG_INVALID', `"${uri}" cannot be used as a model: ${reason}`)
}
