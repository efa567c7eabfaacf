/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander'

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

/** For an option that may be given several times. */
export const collect = (text: string, before: string[] = []): string[] => [...before, text]

export const portNumber = wholeNumber(0, 65_535)

/** An option of the commands that run a worker. */
export const onDemandOption = (): Option =>
  new Option(
    '--on-demand <[name=]uri>',
    'the same, but loaded when a request comes and unloaded for others; repeatable (MODEL_ON_DEMAND)'
  ).argParser(collect)

export const memoryBudgetOption = (): Option =>
  new Option(
    '--memory-budget <size>',
    'what all models may take: 12GB, 50%, or ram=12GB,vram=20GB (MEMORY_BUDGET; default: 80 % of what is free)'
  )

export const gpuOption = (): Option =>
  new Option('--gpu <number>', 'the one GPU to use, from 0; none: the CPU (GPU; default auto)')
