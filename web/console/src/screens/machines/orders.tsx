/** What a machine and its models may be told to do. */
import type { WorkerBody } from '../../mesh/bodies.ts'
import { signal } from '@preact/signals'

import { openPanel } from '../../../../ui/panels.ts'
import { nameOf } from '../../mesh/live.ts'
import { confirm, perform } from '../../ui/perform.ts'

/** The machine that the open dialog is about. */
export const chosen = signal<WorkerBody | null>(null)

export function WorkerActions({ worker }: { worker: WorkerBody }) {
  const rename = () => {
    chosen.value = worker
    openPanel('rename')
  }
  return (
    <>
      <button type="button" class="plain" onClick={rename}>
        Rename
      </button>
      <button type="button" class="plain danger" onClick={() => remove(worker, nameOf(worker))}>
        Remove
      </button>
    </>
  )
}

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
        { params: { id: worker.id }, body: {} },
        { done: `${name} is no longer in the mesh.` }
      )
  })
}
