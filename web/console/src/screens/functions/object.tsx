/** One function or pipeline: what it takes, a form that runs it, its source and versions. */
import type { ObjectDetailBody } from '../../mesh/bodies.ts'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Facts, Loading, Page, Section, Trouble } from '../../ui/parts.tsx'
import { ago, shortKey } from '../../view/figures.ts'
import { linkTo } from '../../view/route.ts'
import { CallForm } from './call-form.tsx'
import { nameOfObject, Signature } from './signature.tsx'

const EVERY_MS = 15_000
const VERSIONS_SHOWN = 20
const BACK = { link: linkTo('functions'), text: 'Functions' }

export function ObjectScreen({ name }: { name: string }) {
  const path = `v1/objects/${name.split('/').map(encodeURIComponent).join('/')}`
  const { data: object, failure } = useRead<ObjectDetailBody>(path, EVERY_MS)
  const source = useRead<ObjectDetailBody>(`${path}?source=1`, EVERY_MS).data?.source
  if (object === null) {
    return (
      <Page title="Function" back={BACK}>
        {failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />}
      </Page>
    )
  }
  return (
    <Page
      title={object.display_name ?? object.name}
      back={BACK}
      lead={object.description?.split('\n')[0] ?? <Signature signature={object.signature} />}
    >
      <Section title="Call it">
        <CallForm key={nameOfObject(object)} object={object} />
      </Section>
      <Section title="Facts">
        <div class="card">
          <Facts
            rows={[
              ['Name', nameOfObject(object)],
              [
                'Kind',
                object.runtime === undefined ? object.kind : `${object.kind}, ${object.runtime}`
              ],
              ['Signature', <Signature signature={object.signature} />],
              ['Packages', object.dependencies.join(', ') || 'none'],
              ['Version', `${object.version.number} (${object.version.sha256.slice(0, 12)})`],
              ['Signed by', <code>{shortKey(object.version.publisher)}</code>]
            ]}
          />
        </div>
      </Section>
      {source !== undefined && <Source text={source} />}
      <Versions object={object} />
    </Page>
  )
}

interface BundleText {
  files?: Record<string, string | { base64: string }>
}

/** The files of a function; a pipeline is its graph. */
function Source({ text }: { text: string }) {
  const bundle = JSON.parse(text) as BundleText
  const files = Object.entries(bundle.files ?? { 'pipeline.json': JSON.stringify(bundle, null, 2) })
  return (
    <Section title="Source">
      {files.map(([file, body]) => (
        <details class="file" key={file} open={files.length === 1}>
          <summary>{file}</summary>
          <pre class="text" tabIndex={0}>
            {typeof body === 'string' ? body : 'bytes'}
          </pre>
        </details>
      ))}
    </Section>
  )
}

const Versions = ({ object: { versions } }: { object: ObjectDetailBody }) => (
  <Section title="Versions">
    <ul class="steps">
      {versions.slice(0, VERSIONS_SHOWN).map(({ number, sha256, publisher, created_at: at }) => (
        <li class="step" key={number}>
          <strong>{number}</strong> <code>{sha256.slice(0, 12)}</code>
          <span class="sub">
            {ago(Date.parse(at), now.value)}, signed by <code>{shortKey(publisher)}</code>
          </span>
        </li>
      ))}
    </ul>
  </Section>
)
