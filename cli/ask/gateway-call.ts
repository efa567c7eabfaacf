/** One question of an operator to a gateway of the mesh. */
import process from 'node:process'
import type { Static, TSchema } from 'typebox'
import { createContext } from '#shared/rpc/context.ts'
import type { MethodContract } from '#shared/rpc/contract.ts'
import { openClient, type Client } from './client.ts'
import { printableLine } from '../screen/terminal.ts'

const ANSWER_MS_MAX = 20_000

export interface CommonOptions {
  json?: true
  topicKey?: string
}

export async function askGateway<Request extends TSchema, Reply extends TSchema>(
  contract: MethodContract<Request, Reply>,
  request: Static<Request>,
  { topicKey }: CommonOptions
): Promise<Static<Reply>> {
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  const { signal } = context
  await using client = await openClient({ role: 'gateway', topicKey, env: process.env, signal })
  return await client.peers.call(contract, request, context)
}

/** A connection to a gateway for as long as `work` takes; only finding one has a deadline. */
export async function withGateways<Result>(
  { topicKey }: CommonOptions,
  work: (client: Client) => Promise<Result>
): Promise<Result> {
  using context = createContext({ timeoutMs: ANSWER_MS_MAX })
  const { signal } = context
  await using client = await openClient({ role: 'gateway', topicKey, env: process.env, signal })
  return await work(client)
}

export function print(value: unknown, lines: readonly string[], { json }: CommonOptions): void {
  process.stdout.write(json === true ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`)
}

/** To the minute, in the time of this machine. */
export function shortTime(ms: number): string {
  const date = new Date(ms)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

export const line = (text: string): string => printableLine(text)
