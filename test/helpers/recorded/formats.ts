/** The output format of a recorded family, found out of its template as the engine does. */
import { genericCalls } from '../../../services/worker/engines/llama/child/format/generic-calls.ts'
import { findFormat } from '../../../services/worker/engines/llama/child/format/find-format.ts'
import type { OutputFormat } from '../../../services/worker/engines/llama/child/format/output-format.ts'
import { ChatTemplate } from '../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import type { Vocabulary } from '../../../services/worker/engines/llama/child/vocabulary.ts'
import type { ChatMessage } from '../../../shared/contracts/inference/chat.ts'
import { bundleTemplates } from '../bundle-templates.ts'
import { OWN_TEMPLATES, RECORDED_TOOLS, type Family } from './recorded.ts'

const BUNDLED = bundleTemplates()

const known = new Map<string, ChatTemplate>()

function templateOf({ template }: Family): ChatTemplate {
  const name = template.replace(/\.jinja$/, '')
  const source = OWN_TEMPLATES.get(template) ?? BUNDLED.get(name) ?? ''
  const read = known.get(name) ?? new ChatTemplate({ source, bosText: '', eosText: '</s>' })
  known.set(name, read)
  return read
}

export function formatOf(
  family: Family,
  vocabulary: Pick<Vocabulary, 'tokenize' | 'detokenize' | 'isEog'>
): OutputFormat {
  const template = templateOf(family)
  const render = (messages: readonly ChatMessage[]) =>
    template.renderAsIs({ messages, tools: RECORDED_TOOLS, addGenerationPrompt: false }).text
  return findFormat({ source: template.source, render, otherwise: genericCalls }, vocabulary)
}
