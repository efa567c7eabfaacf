/** Settings of the orchestrator. */
import { readInteger, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { ModelAliases, type AliasEntry } from './requests/model-aliases.ts'
import type { ModelPins } from './workers/model-pins.ts'

interface OrchestratorConfig {
  /**
   * `MODEL_ALIASES`, e.g. `fast=qwen3-4b|haif-tiny;claude-*=gpt-oss-20b`: the preferred model
   * first.
   */
  aliases: ModelAliases
  /** `DEFAULT_MODEL`: answers requests that name none, where some worker has it. */
  defaultModel?: string
  /** `MODEL_DIGESTS`, e.g. `qwen3-4b=9f86d081884c;haif-tiny=…`: the file that a name stands for. */
  pins: ModelPins
  /** `SETTLE_MS`: the time after its start in which it expects workers to come. */
  settleMs: number
  /** `RETURN_MS`: how long an answer waits for the only worker that can go on with it. */
  returnMs: number
}

export function readOrchestratorConfig(env: Environment): OrchestratorConfig {
  const aliases: AliasEntry[] = []
  for (const entry of split(readString(env, 'MODEL_ALIASES', ''), ';')) {
    const [alias = '', models = '', ...rest] = entry.split('=').map((part) => part.trim())
    const names = split(models, '|')
    if (alias === '' || names.length === 0 || rest.length > 0) throw malformed(entry)
    aliases.push([alias, names])
  }
  const defaultModel = readString(env, 'DEFAULT_MODEL', '')
  return {
    aliases: new ModelAliases(aliases),
    ...(defaultModel === '' ? {} : { defaultModel }),
    pins: readPins(env),
    settleMs: readInteger(env, 'SETTLE_MS', { default: 6000, min: 0, max: 60_000 }),
    returnMs: readInteger(env, 'RETURN_MS', { default: 15_000, min: 0, max: 600_000 })
  }
}

/** Twelve digits of a SHA-256 are enough to mean one file. */
const DIGEST = /^[0-9a-f]{12,64}$/

function readPins(env: Environment): ModelPins {
  const pins = new Map<string, string>()
  for (const entry of split(readString(env, 'MODEL_DIGESTS', ''), ';')) {
    const at = entry.lastIndexOf('=')
    const [name, digest] = [
      entry.slice(0, at).trim(),
      entry
        .slice(at + 1)
        .trim()
        .toLowerCase()
    ]
    if (at < 1 || !DIGEST.test(digest)) {
      throw new HaifError(
        'CONFIG_INVALID',
        `MODEL_DIGESTS: "${entry}" cannot be used: write model=SHA-256, twelve digits of it or ` +
          'more, separated by semicolons; GET /v1/models shows the digests'
      )
    }
    pins.set(name, digest)
  }
  return pins
}

const split = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')

function malformed(entry: string): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `MODEL_ALIASES: "${entry}" cannot be used: ` +
      'write alias=model or alias=model|model, separated by semicolons'
  )
}
