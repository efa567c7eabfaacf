/**
 * What a machine holds that joins without `--model`: a model that the mesh has and the machine can
 * hold. Where there is none, a person at the terminal is asked; else it is the built-in one, which
 * answers nobody who has not named it as long as there is a real model.
 */
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import type { SharedModel } from '#shared/contracts/peers/peers.ts'
import { printableLine } from '../screen/terminal.ts'
import { holdableModels, knownThatFit, type HoldableModel } from './fitting-models.ts'

export const BUILTIN = 'builtin'
const OFFERED_MAX = 6

interface Choice {
  argument: string
  /** Lines for whoever watches the command. */
  says: string[]
}

interface Asking {
  bytesFree: number
  /** Returns what the person typed. Null: nobody sits at a terminal. */
  ask: ((question: string) => Promise<string>) | null
}

/** `models`: those of the mesh; null: it could not be asked. */
export async function chooseModel(
  models: readonly SharedModel[] | null,
  { bytesFree, ask }: Asking
): Promise<Choice> {
  const holdable = holdableModels(models ?? [], bytesFree)
  const [best] = holdable
  if (best?.fits === true) {
    const takes = `takes ${inWords(best)}, as the mesh has it; --model names another one`
    return { argument: best.argument, says: [takes] }
  }
  const why = whyNone(models, holdable, bytesFree)
  const offered = knownThatFit(bytesFree).slice(0, OFFERED_MAX)
  if (ask === null || offered.length === 0) return { argument: BUILTIN, says: [why, TOY] }
  const typed = (await ask(questionOf(why, offered))).trim()
  const picked = offered[Number(typed) - 1]
  if (picked !== undefined) return { argument: picked.argument, says: [] }
  return /^\d*$/.test(typed) ? { argument: BUILTIN, says: [TOY] } : { argument: typed, says: [] }
}

const TOY =
  'it holds the built-in model alone, a toy for install checks; give it one with ' +
  '"haif models load NAME --on THIS-WORKER", or join with --model'

function whyNone(
  models: readonly SharedModel[] | null,
  holdable: readonly HoldableModel[],
  bytesFree: number
): string {
  if (models === null) return 'the mesh could not be asked for its models'
  const [first] = holdable
  if (first === undefined) return 'the mesh has no model that another machine could fetch'
  const needs = first.bytes === null ? 'an unknown amount' : `about ${gigabytes(first.bytes)}`
  return `${printableLine(first.name)} of the mesh needs ${needs} of memory, and ${gigabytes(bytesFree)} are free here`
}

function questionOf(why: string, offered: readonly HoldableModel[]): string {
  const lines = offered.map((model, i) => `  ${i + 1}  ${inWords(model)}`)
  return `${why}. Which model shall this machine hold?\n${lines.join('\n')}\nnumber, name or hf:user/repo:QUANT; Enter: the built-in toy: `
}

const inWords = ({ name, bytes }: HoldableModel): string =>
  bytes === null ? printableLine(name) : `${printableLine(name)} (${gigabytes(bytes)} of memory)`

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** Null where nobody sits at the terminal. */
export function terminalQuestion(): Asking['ask'] {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await lines.question(question)
    } finally {
      lines.close()
    }
  }
}
