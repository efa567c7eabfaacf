/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option, type Command } from 'commander'

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

export function decimalNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`)
  }
}

export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((each) => each.toLowerCase() === text.toLowerCase())
    if (word !== undefined) return word
    throw new InvalidArgumentError(`It must be ${words.join(', ')}.`)
  }
}

/** For an option that may be given several times. */
export const collect = (text: string, before: string[] = []): string[] => [...before, text]

export const portNumber = wholeNumber(0, 65_535)

/** An option of the commands that run a worker. */
export const onDemandOption = (): Option =>
  new Option(
    '--on-demand <[name=]uri>',
    'as --model, but loaded when a request comes and unloaded for others; repeatable (MODEL_ON_DEMAND)'
  ).argParser(collect)

export const memoryBudgetOption = (): Option =>
  new Option(
    '--memory-budget <size>',
    'what all models may take: 12GB, 50%, or ram=12GB,vram=20GB (MEMORY_BUDGET; default: 80 % of what is free)'
  )

/** What a worker does for jobs beyond what it does for anybody. */
export const addTaskOptions = (command: Command): Command =>
  command
    .option('--functions', 'run functions of the catalogue here, in a sandbox (ALLOW_FUNCTIONS)')
    .option('--allow-tools', 'run commands of jobs on this machine, in a sandbox (ALLOW_TOOLS)')
    .option('--allow-downloads', 'let jobs bring models to this machine (ALLOW_DOWNLOADS)')

/** How the models of this machine are run; each also behind a model's URI, as `?context=32k`. */
export const addModelOptions = (command: Command): Command =>
  command
    .option('--context <tokens>', 'tokens of prompt and answer, as 32k (CONTEXT; default: as fits)')
    .option('--kv <type>', 'keys and values as f16, q8_0 or q4_0 (KV_TYPE; default f16)')
    .option('--flash-attention <choice>', 'on, off or auto (FLASH_ATTENTION; default auto)')
    .option('--chat-template <file>', 'in place of the template in the model (CHAT_TEMPLATE)')

export const gpuOption = (): Option =>
  new Option('--gpu <numbers>', 'the GPUs to use, as 0 or 0,1; none: the CPU (GPU; default auto)')

/** An option of the commands that ask a mesh. */
export const TOPIC_KEY = [
  '--topic-key <key>',
  'another mesh than the one that this machine last used'
] as const
