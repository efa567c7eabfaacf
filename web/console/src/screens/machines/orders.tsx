/** What a machine and its models may be told to do. */
import type { WorkerBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'

import { openPanel } from '../../../../ui/panels.ts'
import { nameOf } from '../../mesh/live.ts'
import { confirm, perform } from '../../ui/perform.ts'

/** The machine that the open dialog is about. */
export const chosen = signal<WorkerBody | null>(null)

export function WorkerActions({ worker }: { worker: WorkerBody }) {
  const name = nameOf(worker)
  const open = (which: 'loadModel' | 'rename') => {
    chosen.value = worker
    openPanel(which)
  }
  return (
    <>
      <button type="button" class="primary" onClick={() => open('loadModel')}>
        Load a model
      </button>
      {worker.state === 'paused' ? (
        <button type="button" class="plain" onClick={() => void resume(worker)}>
          Resume
        </button>
      ) : (
        <button type="button" class="plain" onClick={() => void drain(worker)}>
          Drain
        </button>
      )}
      <button type="button" class="plain" onClick={() => open('rename')}>
        Rename
      </button>
      <button type="button" class="plain danger" onClick={() => remove(worker, name)}>
        Remove
      </button>
    </>
  )
}

const drain = (worker: WorkerBody) =>
  perform(
    'worker.drain',
    { params: { id: worker.id }, body: {} },
    { done: `${nameOf(worker)} finishes what it runs and takes nothing new until it is resumed.` }
  )

const resume = (worker: WorkerBody) =>
  perform(
    'worker.resume',
    { params: { id: worker.id } },
    { done: `${nameOf(worker)} takes requests again.` }
  )

function remove(worker: WorkerBody, name: string): void {
  confirm({
    title: `Remove ${name}?`,
    text:
      'It leaves the mesh at once and cannot come back with the key that it has. To take it in again, ' +
      'it needs a new line to paste.',
    verb: `Remove ${name}`,
    act: () =>
      perform(
        'worker.remove',
        { params: { id: worker.id } },
        { done: `${name} is no longer in the mesh.` }
      )
  })
}

type ModelAction = 'load' | 'unload' | 'pin' | 'fetch' | 'delete'

interface ModelActionsProps {
  worker: WorkerBody
  model: string
  state: WorkerBody['models'][number]['state']
}

export function ModelActions({ worker, model, state }: ModelActionsProps) {
  const give = (action: ModelAction, done: string) => void order(worker, { action, model }, done)
  const forget = () =>
    confirm({
      title: `Delete ${model}?`,
      text: `It is taken out of memory and off the disk of ${nameOf(worker)}. Other machines keep it.`,
      verb: `Delete ${model}`,
      act: () => give('delete', `${model} is deleted from ${nameOf(worker)}.`)
    })
  return (
    <span class="row-actions">
      {state !== 'ready' && state !== 'loading' && (
        <Small
          text="Load"
          label={`Load ${model}`}
          onClick={() => give('load', `${nameOf(worker)} loads ${model}.`)}
        />
      )}
      {state === 'ready' && (
        <>
          <Small
            text="Keep"
            label={`Keep ${model} in memory`}
            onClick={() => give('pin', `${model} stays in memory.`)}
          />
          <Small
            text="Unload"
            label={`Unload ${model}`}
            onClick={() => give('unload', `${model} leaves the memory; the next request loads it.`)}
          />
        </>
      )}
      <Small text="Delete" label={`Delete ${model}`} onClick={forget} />
    </span>
  )
}

interface SmallProps {
  text: string
  label: string
  onClick: () => void
}

const Small = ({ text, label, onClick }: SmallProps) => (
  <button type="button" class="plain small" aria-label={label} onClick={onClick}>
    {text}
  </button>
)

export const order = (
  worker: WorkerBody,
  body: { action: ModelAction; model: string },
  done: string
) =>
  perform(
    `model.${body.action}`,
    { params: { id: worker.id }, body },
    { done, changes: ['v1/admin/models'] }
  )
