/** All conversations, by the day of their last message. */
import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import {
  conversations,
  deleteConversation,
  openConversation,
  openId,
  rename
} from '../chat/conversations.ts'
import { access, refused } from '../../../ui/mesh/access.ts'
import { fileName, toJson, toMarkdown } from '../chat/export.ts'
import { download } from '../../../ui/download.ts'
import type { Conversation } from '../chat/tree.ts'
import { Action } from '../../../ui/action.tsx'
import { Icon, Mark } from '../../../ui/icons.tsx'
import { closePanel, openPanel, panel } from '../../../ui/panels.ts'
import { askForToken } from '../../../ui/token-panel.ts'
import { newChat } from './shortcuts.tsx'
import { nextTheme, theme, THEMES } from '../../../ui/theme.ts'

/** The one that gets a new name. */
const renaming = signal<string | null>(null)
const DAY_MS = 86_400_000

export function Sidebar() {
  const isOpen = panel.value === 'sidebar'
  const element = useRef<HTMLElement>(null)
  useEffect(() => {
    if (isOpen) element.current?.querySelector('button')?.focus()
  }, [isOpen])
  return (
    <>
      {isOpen && <div class="scrim" onClick={closePanel} />}
      <nav class={isOpen ? 'sidebar open' : 'sidebar'} ref={element} aria-label="Conversations">
        <div class="brand">
          <Mark />
          <span>HAIF</span>
          <button
            type="button"
            class="quiet only-narrow"
            aria-label="Close the list"
            onClick={closePanel}
          >
            <Icon name="close" />
          </button>
        </div>
        <button type="button" class="new-chat" onClick={newChat}>
          <Icon name="plus" /> New chat <kbd>Alt N</kbd>
        </button>
        <div class="history">
          {groups(conversations.value, Date.now()).map(([day, group]) => (
            <section key={day} aria-label={day}>
              <h2>{day}</h2>
              <ul>
                {group.map((conversation) => (
                  <Item key={conversation.id} conversation={conversation} />
                ))}
              </ul>
            </section>
          ))}
          {conversations.value.length === 0 && (
            <p class="note">Your conversations appear here. They stay in this browser.</p>
          )}
        </div>
        <Foot />
      </nav>
    </>
  )
}

function Item({ conversation }: { conversation: Conversation }) {
  const { id, title } = conversation
  if (renaming.value === id) return <Renaming conversation={conversation} />
  const open = () => {
    openConversation(id)
    closePanel()
  }
  const save = () =>
    download(fileName(title, 'md'), textFile('text/markdown', toMarkdown(conversation)))
  return (
    <li class="item">
      <button
        type="button"
        class="item-title"
        aria-current={openId.value === id ? 'true' : undefined}
        onClick={open}
        onDblClick={() => (renaming.value = id)}
      >
        {title}
      </button>
      <span class="item-actions">
        <Action icon="edit" label={`Rename ${title}`} onClick={() => (renaming.value = id)} />
        <Action icon="download" label={`Export ${title}`} onClick={save} />
        <Action icon="trash" label={`Delete ${title}`} onClick={() => deleteConversation(id)} />
      </span>
    </li>
  )
}

function Renaming({ conversation: { id, title } }: { conversation: Conversation }) {
  const input = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => input.current?.select(), [])
  const finish = (keep: boolean) => {
    if (renaming.peek() !== id) return
    renaming.value = null
    if (keep && input.current !== null) rename(id, input.current.value)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    finish(event.key === 'Enter')
  }
  return (
    <li class="item">
      <input
        ref={input}
        class="rename"
        aria-label="Name of the conversation"
        defaultValue={title}
        maxLength={120}
        onKeyDown={onKeyDown}
        onBlur={() => finish(true)}
      />
    </li>
  )
}

function Foot() {
  const { icon, label } = THEMES[theme.value]
  const saveAll = () =>
    download('haif-chats.json', textFile('application/json', toJson(conversations.value)))
  return (
    <footer class="sidebar-foot">
      <Action icon={icon} label={label} onClick={nextTheme} />
      <Action icon="keyboard" label="Keyboard shortcuts" onClick={() => openPanel('shortcuts')} />
      {(access.value !== null || refused.value !== null) && (
        <Action icon="key" label="Access token" onClick={() => askForToken()} />
      )}
      {conversations.value.length > 0 && (
        <Action icon="download" label="Export all conversations" onClick={saveAll} />
      )}
    </footer>
  )
}

const textFile = (type: string, text: string): Blob =>
  new Blob([text], { type: `${type};charset=utf-8` })

function groups(all: readonly Conversation[], now: number): [string, Conversation[]][] {
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const dayOf = (time: number): string => {
    if (time >= midnight) return 'Today'
    if (time >= midnight - DAY_MS) return 'Yesterday'
    return time >= midnight - 7 * DAY_MS ? 'This week' : 'Earlier'
  }
  return [...Map.groupBy(all, ({ updatedAt }) => dayOf(updatedAt))]
}
