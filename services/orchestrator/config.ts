/** Settings of the orchestrator. */
import { readInteger, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'

interface OrchestratorConfig {
  /**
   * `MODEL_ALIASES`, e.g. `fast=qwen3-4b|haif-tiny;smart=gpt-oss-20b`: the preferred model first.
   */
  aliases: Map<string, string[]>
  /** `SETTLE_MS`: the time after its start in which it expects workers to come. */
  settleMs: number
}

export function readOrchestratorConfig(env: Environment): OrchestratorConfig {
  const aliases = new Map<string, string[]>()
  for (const entry of split(readString(env, 'MODEL_ALIASES', ''), ';')) {
    const [alias = '', models = '', ...rest] = entry.split('=').map((part) => part.trim())
    const names = split(models, '|')
    if (alias === '' || names.length === 0 || rest.length > 0) throw malformed(entry)
    aliases.set(alias, names)
  }
  return {
    aliases,
    settleMs: readInteger(env, 'SETTLE_MS', { default: 6000, min: 0, max: 60_000 })
  }
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
