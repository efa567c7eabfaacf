/** Asks the mesh for vectors, in as many calls as their size needs. */
import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  gatewayEmbed,
  VECTOR_SIZE_MAX,
  type EmbedAsked,
  type EmbedReply
} from '#shared/contracts/inference/embedding.ts'
import { VECTOR_BYTES_MAX } from '#shared/contracts/inference/vectors.ts'
import { onWay } from '#shared/contracts/inference/request.ts'
import { setLimitHeaders } from '../http/limit-headers.ts'
import type { InferenceDeps } from './inference.ts'
import type { ClientContext } from './running-requests.ts'

export type EmbedDeps = Pick<InferenceDeps, 'gateways' | 'running' | 'timeoutMsMax'>

interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
  context: ClientContext
}

/** The number of vectors that fit into one reply of the mesh at their largest. */
const INPUTS_PER_CALL = Math.floor(VECTOR_BYTES_MAX / (VECTOR_SIZE_MAX * 4))

/** Returns at least one reply; their vectors are in the order of the inputs. */
export async function embed(
  { gateways }: EmbedDeps,
  asked: EmbedAsked,
  { request, reply, context }: Exchange
): Promise<EmbedReply[]> {
  const replies: EmbedReply[] = []
  for (const group of groupsOf(asked)) {
    let way = 0
    const charge = { caller: request.ip, usageId: randomUUID() }
    const ask = () => ({ asked: group, charge: onWay(charge, way++) })
    // One at a time: a caller with many inputs takes no more of the mesh than one with few.
    replies.push(await gateways.call(gatewayEmbed, ask, context))
  }
  const { worker, limits } = replies.at(-1)!
  if (worker !== undefined) reply.header('x-haif-worker', worker)
  if (limits !== undefined) setLimitHeaders(reply.raw, limits)
  return replies
}

function groupsOf({ inputs, ...asked }: EmbedAsked): EmbedAsked[] {
  const groups: EmbedAsked[] = []
  for (let from = 0; from < inputs.length; from += INPUTS_PER_CALL) {
    groups.push({ ...asked, inputs: inputs.slice(from, from + INPUTS_PER_CALL) })
  }
  return groups
}
