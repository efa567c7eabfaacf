/** Where one writes. */
import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { isWriting, stop } from '../chat/answering.ts'
import { ask } from '../chat/asking.ts'
import { current, openId } from '../chat/conversations.ts'
import { pathOf } from '../chat/tree.ts'
import { COMPOSER_ID, hasFinePointer } from '../../../ui/focus.ts'
import { Icon } from '../../../ui/icons.tsx'
import { editing } from './question.tsx'
import { TokenBar } from '../../../ui/token-dialog.tsx'

/** The unsent text, which is kept while the person looks at another chat. */
export const unsent = signal('')
const HEIGHT_PX_MAX = 240

export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null)
  const path = current.value === undefined ? [] : pathOf(current.value)
  const writing = path.find(({ id, role }) => role === 'assistant' && isWriting(id))
  useLayoutEffect(() => fit(area.current), [unsent.value])
  useEffect(() => {
    if (hasFinePointer()) area.current?.focus()
  }, [openId.value])

  const send = () => {
    const text = unsent.value.trim()
    if (text === '' || writing !== undefined) return
    unsent.value = ''
    ask(text)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return // Enter chooses a word then
    if (event.key === 'Enter' && !event.shiftKey && hasFinePointer()) {
      event.preventDefault()
      send()
    } else if (event.key === 'ArrowUp' && unsent.value === '' && !event.altKey) {
      const last = path.findLast(({ role }) => role === 'user')
      if (last === undefined) return
      event.preventDefault()
      editing.value = last.id
    }
  }
  return (
    <form class="composer" onSubmit={(event) => (event.preventDefault(), send())}>
      <TokenBar />
      <div class="composer-box">
        <label class="sr-only" for={COMPOSER_ID}>
          Message
        </label>
        <textarea
          id={COMPOSER_ID}
          ref={area}
          rows={1}
          placeholder="Ask something"
          value={unsent.value}
          onInput={(event) => (unsent.value = event.currentTarget.value)}
          onKeyDown={onKeyDown}
          enterkeyhint="enter"
        />
        {writing === undefined ? (
          <button
            type="submit"
            class="round primary"
            aria-label="Send"
            disabled={unsent.value.trim() === ''}
          >
            <Icon name="send" />
          </button>
        ) : (
          <button
            type="button"
            class="round"
            aria-label="Stop the answer"
            onClick={() => stop(writing.id)}
          >
            <Icon name="stop" />
          </button>
        )}
      </div>
      <p class="composer-hint">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a line, <kbd>?</kbd> lists
        the keys. Models make mistakes.
      </p>
    </form>
  )
}

/** Makes the field as high as its text, within bounds. */
function fit(area: HTMLTextAreaElement | null): void {
  if (area === null) return
  area.style.height = 'auto'
  area.style.height = `${Math.min(area.scrollHeight, HEIGHT_PX_MAX)}px`
}
