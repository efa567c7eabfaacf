/** The messages of the open conversation. It follows the answer unless it was scrolled away. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { current, openId } from '../chat/conversations.ts'
import { pathOf } from '../chat/tree.ts'
import { Answer } from './answer.tsx'
import { onCopyClick } from '../../../ui/copy.ts'
import { Icon } from '../../../ui/icons.tsx'
import { Question } from './question.tsx'
import { Welcome } from './welcome.tsx'

/** Nearer to the end than that counts as being there. */
const END_PX = 64

export function Thread() {
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const atEnd = useSignal(true)
  const conversation = current.value
  const path = conversation === undefined ? [] : pathOf(conversation)
  const lastQuestion = path.findLast(({ role }) => role === 'user')?.id

  const toEnd = () => {
    atEnd.value = true
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight })
  }
  useEffect(toEnd, [openId.value, lastQuestion])
  useEffect(() => {
    const follow = new ResizeObserver(() => {
      if (atEnd.peek()) scroller.current?.scrollTo({ top: scroller.current.scrollHeight })
    })
    if (content.current !== null) follow.observe(content.current)
    return () => follow.disconnect()
  }, [])
  const onScroll = ({ currentTarget: element }: { currentTarget: HTMLElement }) => {
    atEnd.value = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX
  }

  return (
    <div class="thread-frame">
      <div
        class="thread"
        ref={scroller}
        onScroll={onScroll}
        tabindex={0}
        role="region"
        aria-label="Conversation"
      >
        <div class="thread-content" ref={content} onClick={onCopyClick}>
          {conversation === undefined || path.length === 0 ? (
            <Welcome />
          ) : (
            path.map((message) =>
              message.role === 'user' ? (
                <Question key={message.id} conversation={conversation} message={message} />
              ) : (
                <Answer key={message.id} conversation={conversation} message={message} />
              )
            )
          )}
        </div>
      </div>
      {!atEnd.value && (
        <button type="button" class="round to-end" aria-label="To the end" onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  )
}
