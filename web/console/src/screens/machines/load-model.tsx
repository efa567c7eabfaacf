/** The dialog that has a machine fetch and load a model. */
import { useRef, useState } from 'preact/hooks'
import { Dialog } from '../../../../ui/dialog.tsx'
import { closePanel } from '../../../../ui/panels.ts'
import { feed, nameOf } from '../../mesh/live.ts'
import { CommandLine } from '../../ui/parts.tsx'
import { chosen, order } from './orders.tsx'

export function LoadModelDialog() {
  const worker = chosen.value
  return (
    <Dialog name="loadModel" title={`Load a model on ${worker === null ? '' : nameOf(worker)}`}>
      <LoadForm />
    </Dialog>
  )
}

function LoadForm() {
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const worker = chosen.value!
  const model = text.trim()
  const known = knownElsewhere(worker.id)
  const give = async (action: 'load' | 'fetch') => {
    if (model === '') return input.current?.focus()
    const done =
      action === 'load'
        ? `${nameOf(worker)} fetches and loads ${model}.`
        : `${nameOf(worker)} fetches ${model}.`
    if ((await order(worker, { action, model }, done)) !== null) closePanel()
  }
  return (
    <form class="form" onSubmit={(event) => (event.preventDefault(), void give('load'))}>
      <label class="field wide">
        Model
        <small>
          A name of this mesh, <code>hf:user/repo:QUANT</code>, or its address on the hub.
        </small>
        <input
          ref={input}
          list="known-models"
          value={text}
          placeholder="hf:Qwen/Qwen3-4B-GGUF:Q4_K_M"
          autocomplete="off"
          spellcheck={false}
          data-focus
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <datalist id="known-models">
          {known.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      {model !== '' && <CommandLine text={`haif models load ${model} --on ${nameOf(worker)}`} />}
      <div class="dialog-actions">
        <button type="submit" class="primary">
          Load it
        </button>
        <button type="button" class="plain" onClick={() => void give('fetch')}>
          Only fetch it
        </button>
      </div>
    </form>
  )
}

/** Models of other machines, which this one could take from them. */
function knownElsewhere(id: string): string[] {
  const held = new Set(feed.value.workers.get(id)?.models.map(({ name }) => name))
  const names = [...feed.value.workers.values()].flatMap(({ models }) =>
    models.map(({ name }) => name)
  )
  return [...new Set(names)].filter((name) => !held.has(name)).toSorted()
}
