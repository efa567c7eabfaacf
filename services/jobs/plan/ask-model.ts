/** Asks a model of the mesh one question, in the name of the tenant and in its books. */
import { inferOnBehalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import type { AskModel } from './planner.ts'

/** The answer has to fit a schema, so that the likeliest one is the best. */
const TEMPERATURE = 0

export const askModelOf =
  (gateways: Pick<PeerPool, 'batches'>): AskModel =>
  async ({ prompt, schema, model, maxTokens }, { tenant, tokenId }, context) => {
    const asked = {
      ...(model === undefined ? {} : { model }),
      input: { mode: 'chat' as const, messages: [{ role: 'user' as const, content: prompt }] },
      maxTokens,
      sampling: { temperature: TEMPERATURE },
      responseFormat: { type: 'jsonSchema' as const, schema }
    }
    const behalf = tokenId === undefined ? { tenant } : { tenant, tokenId }
    const request = { behalf, asked, handling: {} }
    let text = ''
    for await (const item of itemByItem(gateways.batches(inferOnBehalf, request, context))) {
      text += item.text
    }
    return text
  }
