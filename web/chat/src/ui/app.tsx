/** The page. */
import { Composer } from './composer.tsx'
import { Icon } from '../../../ui/icons.tsx'
import { ModelButton, ModelPicker } from './model-picker.tsx'
import { announcement, dismiss, notices } from '../../../ui/notices.ts'
import { openPanel } from '../../../ui/panels.ts'
import { SettingsPanel } from './settings-panel.tsx'
import { newChat, ShortcutsPanel } from './shortcuts.tsx'
import { Sidebar } from './sidebar.tsx'
import { Thread } from './thread.tsx'
import { TokenDialog } from '../../../ui/token-dialog.tsx'
import { COMPOSER_ID } from '../../../ui/focus.ts'

export function App() {
  return (
    <>
      <a class="skip" href={`#${COMPOSER_ID}`}>
        To the message
      </a>
      <Sidebar />
      <main class="main">
        <Head />
        <Thread />
        <Composer />
      </main>
      <ModelPicker />
      <SettingsPanel />
      <ShortcutsPanel />
      <TokenDialog />
      <Notices />
      <div class="sr-only" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  )
}

const Head = () => (
  <header class="head">
    <button
      type="button"
      class="quiet only-narrow"
      aria-label="Conversations"
      onClick={() => openPanel('sidebar')}
    >
      <Icon name="menu" />
    </button>
    <ModelButton />
    <span class="head-end">
      <button
        type="button"
        class="quiet"
        aria-label="System prompt and settings"
        title="System prompt and settings (Alt S)"
        onClick={() => openPanel('settings')}
      >
        <Icon name="sliders" />
      </button>
      <button type="button" class="quiet only-narrow" aria-label="New chat" onClick={newChat}>
        <Icon name="plus" />
      </button>
    </span>
  </header>
)

const Notices = () => (
  <div class="notices" role="status">
    {notices.value.map(({ id, text, action }) => (
      <div class="notice" key={id}>
        <span>{text}</span>
        {action !== undefined && (
          <button type="button" class="link" onClick={() => (action.act(), dismiss(id))}>
            {action.label}
          </button>
        )}
        <button type="button" class="quiet small" aria-label="Dismiss" onClick={() => dismiss(id)}>
          <Icon name="close" />
        </button>
      </div>
    ))}
  </div>
)
