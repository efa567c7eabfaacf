/** The frame: a search, the groups beside, the operations below each other. */
import { signal } from '@preact/signals'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Action } from '../../../ui/action.tsx'
import { Mark } from '../../../ui/icons.tsx'
import { MeshError } from '../../../ui/mesh/failure.ts'
import { send } from '../../../ui/mesh/http.ts'
import { NoticeList } from '../../../ui/notice-list.tsx'
import { nextTheme, THEMES, theme } from '../../../ui/theme.ts'
import { found, groupsOf, type Group, type Spec } from '../view/spec.ts'
import { OperationCard } from './operation.tsx'

const READ_MS_MAX = 20_000
/** What the address names behind the `#`. */
const chosen = signal(idIn(location.hash))
window.addEventListener('hashchange', () => (chosen.value = idIn(location.hash)))

export function App() {
  const { spec, problem } = useSpec()
  const [search, setSearch] = useState('')
  const groups = useMemo(() => (spec === null ? [] : groupsOf(spec)), [spec])
  const shown = found(groups, search)
  return (
    <>
      <Head version={spec?.info.version ?? ''} search={search} onSearch={setSearch} />
      <div class="docs-body">
        <Contents groups={shown} />
        <main class="docs-main">
          <h1>HTTP API</h1>
          <p class="lead">
            Every address, its body and its reply, as <a href="../openapi.json">/openapi.json</a>{' '}
            has them. OpenAI’s, Anthropic’s and Ollama’s clients work at this address, too.
          </p>
          {problem !== null && (
            <p class="note bad" role="alert">
              {problem}
            </p>
          )}
          {spec === null && problem === null && <p class="note loading">Reading the API …</p>}
          {spec !== null && shown.length === 0 && <p class="note">Nothing is called like that.</p>}
          {shown.map((group) => (
            <GroupSection key={group.name} group={group} />
          ))}
        </main>
      </div>
      <NoticeList />
    </>
  )
}

function useSpec() {
  const [spec, setSpec] = useState<Spec | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    const read = async () => {
      try {
        const reply = await send('openapi.json', { signal: AbortSignal.timeout(READ_MS_MAX) })
        setSpec((await reply.json()) as Spec)
      } catch (error) {
        setProblem(error instanceof MeshError ? error.failure.message : 'HAIF does not answer.')
      }
    }
    void read()
  }, [])
  return { spec, problem }
}

interface HeadProps {
  version: string
  search: string
  onSearch: (text: string) => void
}

function Head({ version, search, onSearch }: HeadProps) {
  const { icon, label } = THEMES[theme.value]
  return (
    <header class="docs-head">
      <a class="brand" href="../">
        <Mark />
        <span>HAIF</span>
        <span class="brand-part">API {version}</span>
      </a>
      <input
        type="search"
        placeholder="Search: jobs, token, /v1/chat …"
        aria-label="Search the API"
        value={search}
        onInput={(event) => onSearch(event.currentTarget.value)}
      />
      <nav class="docs-ways" aria-label="Pages">
        <a class="plain small" href="../">
          Chat
        </a>
        <a class="plain small" href="../console/">
          Console
        </a>
        <Action icon={icon} label={label} onClick={nextTheme} />
      </nav>
    </header>
  )
}

const Contents = ({ groups }: { groups: readonly Group[] }) => (
  <nav class="docs-contents" aria-label="Groups">
    <ul>
      {groups.map(({ name, operations }) => (
        <li key={name}>
          <a href={`#${name}`}>
            {name} <span class="note">{operations.length}</span>
          </a>
        </li>
      ))}
    </ul>
  </nav>
)

const GroupSection = ({ group: { name, description, operations } }: { group: Group }) => (
  <section class="group" aria-labelledby={name}>
    <h2 id={name}>{name}</h2>
    {description !== '' && <p class="note">{description}</p>}
    {operations.map((operation) => (
      <OperationCard
        key={operation.id}
        operation={operation}
        isChosen={chosen.value === operation.id}
      />
    ))}
  </section>
)

function idIn(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(1))
  } catch {
    return ''
  }
}
