/** The ways to all screens: beside the content, and on a phone below it. */
import { useEffect, useRef } from 'preact/hooks'
import { Action } from '../../../ui/action.tsx'
import { Icon, Mark, type IconName } from '../../../ui/icons.tsx'
import { access, refused } from '../../../ui/mesh/access.ts'
import { closePanel, openPanel, panel } from '../../../ui/panels.ts'
import { nextTheme, THEMES, theme } from '../../../ui/theme.ts'
import { askForToken } from '../../../ui/token-panel.ts'
import { feed, streamFailure } from '../mesh/live.ts'
import { linkTo, type ScreenName } from '../view/route.ts'
import { route } from './router.ts'

interface Way {
  screen: ScreenName
  title: string
  icon: IconName
}

const GROUPS: readonly (readonly Way[])[] = [
  [
    { screen: 'status', title: 'Status', icon: 'pulse' },
    { screen: 'machines', title: 'Machines', icon: 'machine' },
    { screen: 'models', title: 'Models', icon: 'model' },
    { screen: 'requests', title: 'Requests', icon: 'list' },
    { screen: 'queue', title: 'Queue', icon: 'queue' },
    { screen: 'jobs', title: 'Jobs', icon: 'graph' },
    { screen: 'functions', title: 'Functions', icon: 'code' },
    { screen: 'runs', title: 'Runs', icon: 'play' }
  ],
  [
    { screen: 'usage', title: 'Usage', icon: 'chart' },
    { screen: 'access', title: 'Access', icon: 'key' },
    { screen: 'audit', title: 'Audit', icon: 'book' },
    { screen: 'settings', title: 'Settings', icon: 'sliders' }
  ]
]
const ON_PHONES = GROUPS.flat().filter(({ screen }) =>
  ['status', 'machines', 'requests'].includes(screen)
)

export function Nav() {
  const isOpen = panel.value === 'sidebar'
  const element = useRef<HTMLElement>(null)
  useEffect(() => {
    if (isOpen) element.current?.querySelector<HTMLElement>('a, button')?.focus()
  }, [isOpen])
  return (
    <>
      {isOpen && <div class="scrim" onClick={closePanel} />}
      <nav class={isOpen ? 'nav open' : 'nav'} ref={element} aria-label="Screens">
        <a class="brand" href={linkTo('status')}>
          <Mark />
          <span>HAIF</span>
          <span class="brand-part">console</span>
        </a>
        {GROUPS.map((ways, i) => (
          <ul key={i}>
            {ways.map((way) => (
              <li key={way.screen}>
                <WayLink {...way} />
              </li>
            ))}
          </ul>
        ))}
        <Foot />
      </nav>
    </>
  )
}

function WayLink({ screen, title, icon }: Way) {
  const isHere = route.value.screen === screen
  return (
    <a
      class="way"
      href={linkTo(screen)}
      aria-current={isHere ? 'page' : undefined}
      onClick={closePanel}
    >
      <Icon name={icon} />
      <span>{title}</span>
      <Badge screen={screen} />
    </a>
  )
}

/** How many things of a screen a person should know of before opening it. */
function Badge({ screen }: { screen: ScreenName }) {
  const { mesh, queue } = feed.value
  if (screen === 'status' && mesh !== null && mesh.needs.length > 0) {
    return (
      <span class="badge bad">
        {mesh.needs.length}
        <span class="sr-only"> need you</span>
      </span>
    )
  }
  if (screen === 'queue' && queue !== null && queue.waiting > 0) {
    return (
      <span class="badge">
        {queue.waiting}
        <span class="sr-only"> waiting</span>
      </span>
    )
  }
  return null
}

function Foot() {
  const { icon, label } = THEMES[theme.value]
  return (
    <footer class="nav-foot">
      <Connection />
      <a class="way" href="../">
        <Icon name="chat" />
        <span>Chat</span>
      </a>
      <div class="nav-tools">
        <Action icon={icon} label={label} onClick={nextTheme} />
        <Action icon="keyboard" label="Keyboard shortcuts" onClick={() => openPanel('shortcuts')} />
        {(access.value !== null || refused.value !== null) && (
          <Action icon="key" label="Access token" onClick={() => askForToken()} />
        )}
      </div>
    </footer>
  )
}

function Connection() {
  const isLive = feed.value.isReady && streamFailure.value === null
  return (
    <p class={isLive ? 'connection live' : 'connection'}>
      {isLive ? 'Live' : streamFailure.value === null ? 'Connecting …' : 'Not connected'}
    </p>
  )
}

export const PhoneBar = () => (
  <nav class="phone-bar" aria-label="Main screens">
    {ON_PHONES.map((way) => (
      <WayLink key={way.screen} {...way} />
    ))}
    <button type="button" class="way" onClick={() => openPanel('sidebar')}>
      <Icon name="menu" />
      <span>More</span>
    </button>
  </nav>
)
