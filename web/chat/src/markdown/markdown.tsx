/** A text in Markdown, whole or still growing. */
import { useMemo } from 'preact/hooks'
import type { Token } from 'marked'
import { GrowingBlocks } from './blocks.ts'
import { highlighter } from './highlight.ts'
import { renderToken } from './render.ts'

export function Markdown({ text, growing }: { text: string; growing: boolean }) {
  // Another answer has other blocks; the component is keyed by the answer.
  const blocks = useMemo(() => new GrowingBlocks(), [])
  const tokens = blocks.take(text)
  const painted = highlighter.value !== null
  return (
    <div class="markdown">
      {tokens.map((token, i) => (
        <Block
          key={i}
          token={token}
          growing={growing && i === tokens.length - 1}
          painted={painted}
        />
      ))}
    </div>
  )
}

interface BlockProps {
  token: Token
  growing: boolean
  /** True once code has its colours. */
  painted: boolean
}

function Block({ token, growing, painted }: BlockProps) {
  const html = useMemo(() => renderToken(token, growing), [token.raw, growing, painted])
  return <div class="block" dangerouslySetInnerHTML={{ __html: html }} />
}
