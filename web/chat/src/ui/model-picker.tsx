/** Which model answers, and what each of them is. */
import { currentModel, setModel } from '../chat/conversations.ts'
import {
  BUILTIN,
  chatModels,
  defaultModel,
  describeModel,
  models,
  modelsFailure,
  type Model
} from '../../../ui/mesh/models.ts'
import { refused } from '../../../ui/mesh/access.ts'
import { Dialog } from '../../../ui/dialog.tsx'
import { Icon } from '../../../ui/icons.tsx'
import { closePanel, openPanel, panel } from '../../../ui/panels.ts'
import { askForToken } from '../../../ui/token-panel.ts'

/** In the head of the page. */
export function ModelButton() {
  const name = currentModel.value ?? defaultModel.value?.id
  const model = models.value?.find(({ id }) => id === name)
  return (
    <button
      type="button"
      class="model-button"
      aria-haspopup="dialog"
      aria-expanded={panel.value === 'models'}
      onClick={() => openPanel('models')}
    >
      <span class="model-name">
        <span class="sr-only">Model: </span>
        {name ?? 'No model yet'}
        <Icon name="down" />
      </span>
      <span class="model-facts">{factsOf(name, model)}</span>
    </button>
  )
}

function factsOf(name: string | undefined, model: Model | undefined): string {
  if (refused.value !== null) return 'asks for an access token'
  if (modelsFailure.value !== null && models.value === null) return 'HAIF cannot be reached'
  if (models.value === null) return 'looking for models …'
  if (model !== undefined) return describeModel(model)
  return name === undefined ? 'no worker holds one' : 'no worker holds it now'
}

export function ModelPicker() {
  return (
    <Dialog name="models" title="Models">
      {modelsFailure.value !== null && <p class="note bad">{modelsFailure.value.message}</p>}
      {refused.value !== null && (
        <button type="button" class="plain" onClick={() => askForToken()}>
          Enter token
        </button>
      )}
      {chatModels.value.length === 0 && modelsFailure.value === null ? <NoModels /> : <Models />}
      <p class="note">Another machine adds its model with</p>
      <code class="command">haif join … --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M</code>
      <p class="note">
        The{' '}
        <a class="link" href="./console/#/models">
          console
        </a>{' '}
        shows the line to paste.
      </p>
    </Dialog>
  )
}

const NoModels = () => (
  <p class="note">No worker has a model ready. One that is loading appears here by itself.</p>
)

function Models() {
  const chosen = currentModel.value ?? defaultModel.value?.id
  const choose = (id: string) => {
    setModel(id)
    closePanel()
  }
  return (
    <ul class="models-list">
      {chatModels.value.map((model) => (
        <li key={model.id}>
          <button
            type="button"
            class="model"
            aria-pressed={model.id === chosen}
            data-focus={model.id === chosen ? '' : undefined}
            onClick={() => choose(model.id)}
          >
            <span class="model-title">
              {model.id}
              {model.id === chosen && <Icon name="check" />}
            </span>
            <Facts model={model} />
            {model.id === BUILTIN && (
              <span class="model-note">
                Built in: a 1 MB toy that shows that the mesh works. Not a useful assistant.
              </span>
            )}
          </button>
        </li>
      ))}
    </ul>
  )
}

function Facts({ model }: { model: Model }) {
  const { quantization, context_length: context, workers, engine, digest } = model
  return (
    <span class="chips">
      {quantization !== undefined && <span>{quantization}</span>}
      <span>{context.toLocaleString('en')} tokens of context</span>
      <span>{workers === 1 ? '1 worker holds it' : `${workers} workers hold it`}</span>
      <span>{engine === 'openai' ? 'through a server on that machine' : `runs on ${engine}`}</span>
      <span title={`SHA-256 ${digest}`}>{digest.slice(0, 8)}</span>
    </span>
  )
}
