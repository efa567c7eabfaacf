/** All models of the mesh, and where each one is. */
import type { ModelBody, ModelListBody } from '../mesh/bodies.ts'
import { CopyAction } from '../../../ui/action.tsx'
import { feed } from '../mesh/live.ts'
import { useRead } from '../mesh/read.ts'
import { Empty, Loading, Page, Tag, Trouble } from '../ui/parts.tsx'
import { route } from '../ui/router.ts'
import { ModelTag } from '../ui/words.tsx'
import { bytes, counted, parameterCount } from '../view/figures.ts'
import { linkTo } from '../view/route.ts'
import { ModelActions } from './machines/orders.tsx'
import { workerName } from './requests/columns.tsx'

const EVERY_MS = 3000

export function ModelsScreen() {
  const { data, failure } = useRead<ModelListBody>('v1/admin/models', EVERY_MS)
  return (
    <Page
      title="Models"
      lead="What can be asked, on which machines it is, and how well it does there."
    >
      {data === null ? (
        failure === null ? (
          <Loading />
        ) : (
          <Trouble failure={failure} onRetry={() => {}} />
        )
      ) : data.models.length === 0 ? (
        <NoModel />
      ) : (
        <div class="models">
          {data.models.map((model) => (
            <ModelCard key={model.name} model={model} />
          ))}
        </div>
      )}
    </Page>
  )
}

const NoModel = () => (
  <Empty command="haif join --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M">
    There is no model yet. A machine brings one along when it joins:
  </Empty>
)

function ModelCard({ model }: { model: ModelBody }) {
  const isChosen = route.value.id === model.name
  return (
    <section
      class={isChosen ? 'card model-card chosen' : 'card model-card'}
      aria-label={model.name}
    >
      <header class="model-head">
        <h2>{model.name}</h2>
        {model.default && <Tag tone="good">default</Tag>}
        <span class="note">{describe(model)}</span>
        <span class="section-actions">
          <a class="plain small" href="../">
            Try it in the chat
          </a>
          <CopyAction text={curlFor(model.name)} label={`Copy a curl line for ${model.name}`} />
        </span>
      </header>
      <Capabilities model={model} />
      <ul class="holders">
        {model.workers.map((holder) => (
          <Holder key={holder.worker} model={model.name} holder={holder} />
        ))}
      </ul>
    </section>
  )
}

type HolderBody = ModelBody['workers'][number]

function Holder({ model, holder }: { model: string; holder: HolderBody }) {
  const worker = feed.value.workers.get(holder.worker)
  const rate = Math.round(holder.decode_tokens_per_second)
  return (
    <li class="holder">
      <a class="row-link" href={linkTo('machines', holder.worker)}>
        {workerName(holder.worker)}
      </a>
      <ModelTag {...holder} />
      <span class="note">
        {holder.state === 'ready' &&
          `${holder.running} of ${holder.slots} answers${rate > 0 ? `, ${rate} tokens/s` : ''}`}
        {holder.error}
      </span>
      {worker !== undefined && <ModelActions worker={worker} model={model} state={holder.state} />}
    </li>
  )
}

function Capabilities({ model: { capabilities } }: { model: ModelBody }) {
  if (capabilities === undefined) return null
  const can = [
    [capabilities.tools, 'tools'],
    [capabilities.json_schema, 'JSON schema'],
    [capabilities.vision, 'images'],
    [capabilities.embeddings, 'embeddings'],
    [capabilities.reasoning, 'thinks first']
  ] as const
  const able = can.filter(([isAble]) => isAble)
  if (able.length === 0) return null
  return (
    <p class="chips">
      {able.map(([, text]) => (
        <span key={text}>{text}</span>
      ))}
    </p>
  )
}

function describe(model: ModelBody): string {
  const { quantization, parameters, size_bytes: size = 0, context_tokens: context } = model
  return [
    quantization,
    parameters === undefined ? undefined : `${parameterCount(parameters)} parameters`,
    size > 0 ? bytes(size) : undefined,
    context > 0 ? `context ${context.toLocaleString('en')}` : undefined,
    model.engine,
    counted(model.workers.length, 'machine')
  ]
    .filter(Boolean)
    .join(' · ')
}

const curlFor = (model: string): string =>
  `curl -N ${location.origin}/infer -H 'content-type: application/json' ` +
  `-H 'accept: text/event-stream' -d '${JSON.stringify({ model, prompt: 'What is HAIF?' })}'`
