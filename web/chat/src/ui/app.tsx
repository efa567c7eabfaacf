/** The page. */
import { Composer } from './composer.tsx'
import { Icon } from '../../../ui/icons.tsx'
import { ModelButton, ModelPicker } from './model-picker.tsx'
import { NoticeList } from '../../../ui/notice-list.tsx'
import { openPanel } from '../../../ui/panels.ts'
import { SettingsPanel } from './settings-panel.tsx'
import { newChat, ShortcutsPanel } from './shortcuts.tsx'
import { Sidebar } from './sidebar.tsx'
import { Thread } from './thread.tsx'
import { TokenDialog } from '../../../ui/token-dialog.tsx'
import { forgetModels, giveToken } from '../../../ui/mesh/models.ts'
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
      <TokenDialog give={giveToken} onForget={forgetModels} command="haif token create" />
      <NoticeList />
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
