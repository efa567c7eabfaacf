/** All conversations, by the day of their last message. */
import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import {
  conversations,
  deleteConversation,
  openConversation,
  openId,
  rename,
  takeIn
} from '../chat/conversations.ts'
import { access, refused } from '../../../ui/mesh/access.ts'
import { fileName, toJson, toMarkdown } from '../chat/export.ts'
import { IMPORT_BYTES_MAX, readExport } from '../chat/import.ts'
import { matching } from '../chat/search.ts'
import { notify } from '../../../ui/notices.ts'
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
/** Drawing thousands of them would take longer than reading them. */
const SHOWN = 200
const shown = signal(SHOWN)
const search = signal('')
/** Fewer are seen at a glance. */
const SEARCHED_MIN = 8

export function Sidebar() {
  const isOpen = panel.value === 'sidebar'
  const found = matching(conversations.value, search.value)
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
        <SearchField />
        <div class="history">
          {groups(found.slice(0, shown.value), Date.now()).map(([day, group]) => (
            <section key={day} aria-label={day}>
              <h2>{day}</h2>
              <ul>
                {group.map((conversation) => (
                  <Item key={conversation.id} conversation={conversation} />
                ))}
              </ul>
            </section>
          ))}
          {found.length > shown.value && (
            <button type="button" class="plain small" onClick={() => (shown.value += SHOWN)}>
              {found.length - shown.value} older ones
            </button>
          )}
          {found.length === 0 && (
            <p class="note">
              {conversations.value.length === 0
                ? 'Your conversations appear here. They stay in this browser.'
                : 'No conversation has these words.'}
            </p>
          )}
        </div>
        <Foot />
      </nav>
    </>
  )
}

function SearchField() {
  if (conversations.value.length < SEARCHED_MIN) return null
  return (
    <input
      type="search"
      class="search"
      aria-label="Search in conversations"
      placeholder="Search"
      value={search.value}
      onInput={(event) => (search.value = event.currentTarget.value)}
    />
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
      <Import />
    </footer>
  )
}

function Import() {
  const input = useRef<HTMLInputElement>(null)
  const take = async () => {
    const [file] = input.current!.files!
    input.current!.value = '' // so that the same file can be chosen again
    if (file === undefined) return
    if (file.size > IMPORT_BYTES_MAX) return notify('This file is too large to be an export.')
    const found = readExport(await file.text())
    if (typeof found === 'string') return notify(found)
    const added = takeIn(found)
    notify(
      added === 0
        ? 'All of its conversations are here already.'
        : `${added} of its ${found.length} conversations are added.`
    )
  }
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        hidden
        aria-label="File with conversations"
        onChange={() => void take()}
      />
      <Action icon="upload" label="Import conversations" onClick={() => input.current?.click()} />
    </>
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
