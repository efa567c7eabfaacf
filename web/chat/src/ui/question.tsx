/** A person's question, which can be edited. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { edit } from '../chat/asking.ts'
import type { Conversation, Question as QuestionMessage } from '../chat/tree.ts'
import { Action, CopyAction } from '../../../ui/action.tsx'
import { Branches } from './branches.tsx'
import { focusComposer } from '../../../ui/focus.ts'

/** The one that is being worded anew. */
export const editing = signal<string | null>(null)

interface QuestionProps {
  conversation: Conversation
  message: QuestionMessage
}

export function Question({ conversation, message }: QuestionProps) {
  return (
    <article class="question" aria-label="You">
      {editing.value === message.id ? (
        <Editor message={message} />
      ) : (
        <>
          <div class="bubble">{message.text}</div>
          <footer class="actions">
            <Branches conversation={conversation} id={message.id} of="question" />
            <CopyAction text={message.text} label="Copy the question" />
            <Action
              icon="edit"
              label="Edit the question"
              onClick={() => (editing.value = message.id)}
            />
          </footer>
        </>
      )}
    </article>
  )
}

function Editor({ message }: { message: QuestionMessage }) {
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    area.current?.focus()
    area.current?.setSelectionRange(message.text.length, message.text.length)
  }, [])
  const close = () => {
    editing.value = null
    focusComposer()
  }
  const send = () => {
    const text = area.current?.value.trim() ?? ''
    if (text === '') return
    close()
    edit(message.id, text)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return
    if (event.key === 'Escape') {
      event.preventDefault()
      event.stopPropagation() // it would stop an answer
      close()
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    }
  }
  return (
    <form class="editor" onSubmit={(event) => (event.preventDefault(), send())}>
      <textarea
        ref={area}
        rows={Math.min(12, message.text.split('\n').length + 1)}
        aria-label="The question, worded anew"
        defaultValue={message.text}
        onKeyDown={onKeyDown}
      />
      <div class="editor-actions">
        <span class="hint">The old wording stays as a branch.</span>
        <button type="button" class="plain" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Ask again
        </button>
      </div>
    </form>
  )
}
