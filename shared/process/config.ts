/** Settings from the environment: typed, bounded, and with a sentence when one cannot be used. */
import { readFileSync } from 'node:fs'
import { HaifError } from '#shared/errors.ts'

export type Environment = Record<string, string | undefined>

interface IntegerSetting {
  default: number
  min: number
  max: number
}

export function readInteger(env: Environment, name: string, setting: IntegerSetting): number {
  const text = env[name]?.trim()
  if (text === undefined || text === '') return setting.default
  const value = Number(text)
  if (!Number.isInteger(value) || value < setting.min || value > setting.max) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${name}=${text} cannot be used: it must be a whole number from ${setting.min} to ${setting.max}`
    )
  }
  return value
}

export function readString(env: Environment, name: string, fallback: string): string {
  const text = env[name]?.trim()
  return text === undefined || text === '' ? fallback : text
}

export function readChoice<Choice extends string>(
  env: Environment,
  name: string,
  choices: readonly Choice[],
  fallback: Choice
): Choice {
  const text = readString(env, name, fallback)
  const choice = choices.find((each) => each === text)
  if (choice === undefined) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${name}=${text} cannot be used: it must be one of ${choices.join(', ')}`
    )
  }
  return choice
}

/** A secret from the variable itself, or from the file that `<name>_FILE` names. */
export function readSecret(env: Environment, name: string): string | null {
  const file = readString(env, `${name}_FILE`, '')
  const text = readString(env, name, '')
  if (file === '') return text === '' ? null : text
  if (text !== '') {
    throw new HaifError('CONFIG_INVALID', `${name} and ${name}_FILE are both set: leave one out`)
  }
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new HaifError('CONFIG_INVALID', `${name}_FILE=${file} cannot be read: ${String(error)}`, {
      cause: error
    })
  }
}
