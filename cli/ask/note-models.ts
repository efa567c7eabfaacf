/** Limits to models that nobody holds are a slip of the pen, or for later: it is said. */
import process from 'node:process'
import type { Limits } from '#shared/contracts/access/access.ts'
import { viewModels } from '#shared/contracts/peers/operating.ts'
import { nearName } from '#shared/kit/near-name.ts'
import { askGateway, line, type CommonOptions } from './gateway-call.ts'

export async function noteUnknownModels(
  { models: wanted }: Limits,
  options: CommonOptions
): Promise<void> {
  if (wanted === undefined) return
  const { models } = await askGateway(viewModels, {}, options)
  const lines = unknownModels(
    wanted,
    models.map(({ name }) => name)
  )
  for (const text of lines) process.stderr.write(`${line(text)}\n`)
}

/** A sentence for each. An alias is in no list, so nothing is refused. */
export const unknownModels = (wanted: readonly string[], held: readonly string[]): string[] =>
  wanted
    .filter((name) => !held.includes(name))
    .map((name) => {
      const near = nearName(name, held)
      const guess = near === undefined ? '' : `; did you mean ${near}?`
      return `no worker holds ${name} now${guess}`
    })
