/** One request: why it went as it did. */
import type { RequestDetailBody } from '../../mesh/bodies.ts'
import type { ComponentChildren } from 'preact'
import { CopyAction } from '../../../../ui/action.tsx'
import { Icon } from '../../../../ui/icons.tsx'
import { useRead } from '../../mesh/read.ts'
import { Facts, Loading, Page, Section, Trouble } from '../../ui/parts.tsx'
import { Waterfall } from '../../ui/waterfall.tsx'
import { RequestTag } from '../../ui/words.tsx'
import { fullMoment, span } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { waterfall } from '../../view/waterfall.ts'
import { workerName } from './columns.tsx'

const EVERY_MS = 3000
const BACK = { link: linkTo('requests'), text: 'Requests' }

export function RequestScreen({ id }: { id: string }) {
  const path = `v1/admin/requests/${encodeURIComponent(id)}`
  const { data, failure } = useRead<RequestDetailBody>(path, EVERY_MS)
  if (data === null) {
    return (
      <Page title="Request" back={BACK}>
        {failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />}
      </Page>
    )
  }
  return (
    <Page title="Request" back={BACK} lead={<Lead request={data} />}>
      {data.message !== undefined && <Why request={data} />}
      <Section title="Where the time went" note={span(data.duration_ms)}>
        <Waterfall
          bars={waterfall(data, workerName)}
          legend={LEGEND}
          wholeMs={data.duration_ms}
          none="It never came to a machine."
        />
      </Section>
      {data.attempts_made.length > 0 && <Attempts request={data} />}
      <Section title="Facts">
        <div class="card">
          <Facts rows={factsOf(data)} />
        </div>
      </Section>
      <Kept request={data} />
    </Page>
  )
}

const Lead = ({ request }: { request: RequestDetailBody }) => (
  <span class="id-line">
    <RequestTag {...request} /> <code>{request.request_id}</code>
    <CopyAction text={request.request_id} label="Copy the request id" />
  </span>
)

const Why = ({ request: { message, cause } }: { request: RequestDetailBody }) => (
  <div class="failure">
    <Icon name="alert" />
    <div>
      <p>{message}</p>
      {cause !== undefined && cause !== message && <p class="failure-code">{cause}</p>}
    </div>
  </div>
)

const LEGEND = [
  ['wait', 'waited'],
  ['read', 'read the prompt'],
  ['write', 'wrote the answer'],
  ['lost', 'lost']
] as const

const Attempts = ({ request }: { request: RequestDetailBody }) => (
  <Section title="Attempts" note="which machine, why that one, and how it ended">
    <ol class="steps">
      {request.attempts_made.map((attempt, i) => (
        <li class={attempt.outcome === 'answered' ? 'step' : 'step bad'} key={i}>
          <a class="row-link" href={linkTo('machines', attempt.worker)}>
            {workerName(attempt.worker)}
          </a>{' '}
          {attempt.outcome}
          {attempt.code !== undefined && <code class="code-of">{attempt.code}</code>}
          <span class="sub">{attempt.reason}</span>
          {attempt.message !== undefined && <span class="note bad">{attempt.message}</span>}
          {attempt.cause !== undefined && <span class="sub">{attempt.cause}</span>}
        </li>
      ))}
    </ol>
  </Section>
)

function factsOf(request: RequestDetailBody): (readonly [string, ComponentChildren])[] {
  const rows: (readonly [string, ComponentChildren])[] = [
    ['Began', fullMoment(request.started_at)],
    ['Tenant', request.tenant],
    ['Token', request.token_name ?? request.token ?? 'none'],
    ['Model', request.model || 'as the mesh chooses'],
    ['Kind', request.kind],
    ['Tokens read', tokensRead(request)],
    ['Tokens written', request.completion_tokens.toLocaleString('en')],
    ['Charged', `${request.charged_tokens.toLocaleString('en')} tokens`],
    ['Waited', span(request.attempts_made[0]?.started_ms ?? request.queue_ms)],
    ['Read the prompt in', span(request.prefill_ms)],
    ['Wrote for', span(request.decode_ms)]
  ]
  if (request.finish_reason !== undefined) rows.push(['Ended by', request.finish_reason])
  return rows
}

function tokensRead({ prompt_tokens: all, cached_prompt_tokens: cached }: RequestDetailBody) {
  const text = all.toLocaleString('en')
  return cached > 0 ? `${text} (${cached.toLocaleString('en')} from the cache)` : text
}

function Kept({ request: { prompt, answer } }: { request: RequestDetailBody }) {
  return (
    <>
      {prompt !== undefined && (
        <Section title="Prompt">
          <pre class="text" tabIndex={0}>
            {prompt}
          </pre>
        </Section>
      )}
      {answer !== undefined && (
        <Section title="Answer">
          <pre class="text" tabIndex={0}>
            {answer}
          </pre>
        </Section>
      )}
    </>
  )
}
