/** One run: when its parts ran and where, what they printed and left, and what came out. */
import type { RunBody, RunNodeBody } from '../../mesh/bodies.ts'
import type { ComponentChildren } from 'preact'
import { CopyAction } from '../../../../ui/action.tsx'
import { Icon } from '../../../../ui/icons.tsx'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Facts, Loading, Page, Section, Trouble } from '../../ui/parts.tsx'
import { perform } from '../../ui/perform.ts'
import { saveRead } from '../../ui/save.ts'
import { Waterfall } from '../../ui/waterfall.tsx'
import { bytes, fullMoment, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { runBars } from '../../view/run-bars.ts'
import { JobTag } from '../jobs/job-tag.tsx'
import { workerName } from '../requests/columns.tsx'

const EVERY_MS = 1500
const BACK = { link: linkTo('runs'), text: 'Runs' }
const LEGEND = [
  ['wait', 'waited'],
  ['write', 'ran'],
  ['lost', 'failed']
] as const

export function RunScreen({ id }: { id: string }) {
  const path = `v1/runs/${encodeURIComponent(id)}`
  const { data: run, failure } = useRead<RunBody>(path, EVERY_MS)
  if (run === null) {
    return (
      <Page title="Run" back={BACK}>
        {failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />}
      </Page>
    )
  }
  const endMs = Date.parse(run.completed_at ?? new Date(now.value).toISOString())
  return (
    <Page
      title={run.subject.name}
      back={BACK}
      lead={
        <span class="id-line">
          <JobTag status={run.status} /> <code>{run.run_id}</code>
          <CopyAction text={run.run_id} label="Copy the run's id" />
        </span>
      }
      actions={<RunActions run={run} />}
    >
      {run.error !== undefined && <Why code={run.error.code}>{run.error.message}</Why>}
      <Result run={run} />
      <Section title="Where the time went" note={took(run)}>
        <Waterfall
          bars={runBars(run, workerName, now.value)}
          legend={LEGEND}
          wholeMs={endMs - Date.parse(run.created_at)}
          none="Nothing of it has begun yet."
        />
      </Section>
      {run.nodes.map((node) => (
        <Printed key={node.node} node={node} isOnly={run.nodes.length === 1} />
      ))}
      <Section title="Facts">
        <div class="card">
          <Facts rows={factsOf(run)} />
        </div>
      </Section>
    </Page>
  )
}

const Why = ({ code, children }: { code: string; children: ComponentChildren }) => (
  <div class="failure">
    <Icon name="alert" />
    <div>
      <p>{children}</p>
      <p class="failure-code">{code}</p>
    </div>
  </div>
)

function RunActions({ run: { run_id: id, status, subject } }: { run: RunBody }) {
  const { owner, library, name } = subject
  const give = (act: 'run.cancel' | 'run.retry', done: string) =>
    void perform(act, { params: { id } }, { done, changes: ['v1/runs'] })
  return (
    <>
      {['Queued', 'Assigned', 'Running'].includes(status) && (
        <button
          type="button"
          class="plain danger"
          onClick={() => give('run.cancel', 'The run is cancelled.')}
        >
          Cancel
        </button>
      )}
      {status === 'Failed' && (
        <button
          type="button"
          class="primary"
          onClick={() => give('run.retry', 'What has failed runs again.')}
        >
          Run it again
        </button>
      )}
      <a class="plain" href={linkTo('functions', `${owner}/${library}/${name}`)}>
        The function
      </a>
    </>
  )
}

function Result({ run: { status, result, result_artifact: artifact } }: { run: RunBody }) {
  if (status !== 'Completed') return null
  return (
    <Section title="Result">
      {artifact === undefined ? (
        <pre class="text" tabIndex={0}>
          {JSON.stringify(result ?? null, null, 2)}
        </pre>
      ) : (
        <Saved path={artifact} name="result.json" text="Too large to be shown." />
      )}
    </Section>
  )
}

/** What a node has printed and left; nothing where it has done neither. */
function Printed({ node, isOnly }: { node: RunNodeBody; isOnly: boolean }) {
  const { stdout = '', stderr = '', artifacts, error, error_code: code, waiting_for: waits } = node
  const failed = isOnly ? undefined : error // that of the only one stands above
  const said = `${stdout}${stderr}${waits ?? ''}${failed ?? ''}`.trim()
  if (said === '' && artifacts.length === 0) return null
  return (
    <Section title={isOnly ? 'What it said' : node.node}>
      {waits !== undefined && <p class="note">{waits}</p>}
      {failed !== undefined && <Why code={code ?? ''}>{failed}</Why>}
      <Stream title="Printed" text={stdout} />
      <Stream title="Errors" text={stderr} />
      {artifacts.map(({ name, path, bytes: size }) => (
        <Saved key={name} path={path} name={name} text={bytes(size)} />
      ))}
    </Section>
  )
}

const Stream = ({ title, text }: { title: string; text: string }) =>
  text.trim() === '' ? null : (
    <figure class="printed">
      <figcaption>{title}</figcaption>
      <pre class="text" tabIndex={0} aria-label={title}>
        {text.trimEnd()}
      </pre>
    </figure>
  )

const Saved = ({ path, name, text }: { path: string; name: string; text: string }) => (
  <p class="saved">
    <button
      type="button"
      class="plain small"
      onClick={() => void saveRead(`v1/runs/${path}`, name)}
    >
      <Icon name="download" /> {name}
    </button>
    <span class="note">{text}</span>
  </p>
)

function factsOf(run: RunBody): (readonly [string, ComponentChildren])[] {
  const { owner, library, name, version, machine } = run.subject
  const places = [...new Set(run.nodes.flatMap((node) => node.machine ?? []))]
  return [
    ['Function', `${owner}/${library}/${name}@${version}`],
    ['Asked for', machine === undefined ? 'any machine' : workerName(machine)],
    ['Ran on', places.map(workerName).join(', ') || 'nothing yet'],
    ['Begun', fullMoment(Date.parse(run.created_at))],
    ['Attempts', String(Math.max(0, ...run.nodes.map(({ attempt }) => attempt)))],
    ['Tokens', run.usage.total_tokens.toLocaleString('en')]
  ]
}

export function took({ started_at: from, completed_at: to }: RunBody): string {
  if (from === undefined) return ''
  return span((to === undefined ? now.value : Date.parse(to)) - Date.parse(from))
}
