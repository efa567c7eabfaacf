/** The dialog that shows the line to paste on another machine, and waits until it has joined. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Dialog } from '../../../../ui/dialog.tsx'
import type { Failure } from '../../../../ui/mesh/failure.ts'
import { closePanel } from '../../../../ui/panels.ts'
import { act } from '../../mesh/actions.ts'
import { feed, nameOf } from '../../mesh/live.ts'
import { failureOf } from '../../mesh/read.ts'
import { Choice, CommandLine, Trouble } from '../../ui/parts.tsx'
import { linkTo } from '../../view/route.ts'
import { joinLine, newcomer } from '../../view/join-line.ts'

const LIVES = [
  ['3600000', 'valid for an hour'],
  ['86400000', 'valid for a day'],
  ['604800000', 'valid for a week']
] as const
const USES = [
  ['1', 'for one machine'],
  ['10', 'for up to 10 machines'],
  ['100', 'for up to 100 machines']
] as const

export const AddMachineDialog = () => (
  <Dialog name="addMachine" title="Add a machine">
    <AddMachine />
  </Dialog>
)

interface Made {
  topic_key: string
}

function AddMachine() {
  const [life, setLife] = useState<(typeof LIVES)[number][0]>('3600000')
  const [uses, setUses] = useState<(typeof USES)[number][0]>('1')
  const [model, setModel] = useState('')
  const { made, failure, again } = useInvite(Number(life), Number(uses))
  const before = useRef(new Set(feed.peek().workers.keys()))
  const joined = newcomer(feed.value.workers, before.current)
  return (
    <>
      <p>
        Paste this on the other machine, in a folder with HAIF. It needs no open port, and is
        reached from behind any router.
      </p>
      <div class="filters">
        <Choice label="How long" value={life} options={LIVES} onChange={setLife} />
        <Choice label="How many machines" value={uses} options={USES} onChange={setUses} />
        <input
          type="text"
          aria-label="Model that it shall run"
          placeholder="model, e.g. hf:Qwen/Qwen3-4B-GGUF:Q4_K_M"
          size={36}
          value={model}
          onInput={(event) => setModel(event.currentTarget.value.trim())}
        />
      </div>
      {failure !== null && <Trouble failure={failure} onRetry={again} />}
      {made !== null && <CommandLine text={joinLine(made.topic_key, model)} />}
      <p class="note">
        Other machines can join a mesh that was started with <code>--lan</code> or{' '}
        <code>--public</code>; without these, it is on this machine only.
      </p>
      {joined === undefined ? (
        made !== null && (
          <p class="waiting-for" role="status">
            <span class="pulse" /> Waiting for it …
          </p>
        )
      ) : (
        <p class="waiting-for joined" role="status">
          <strong>{nameOf(joined)}</strong> has joined.
          <a class="link" href={linkTo('machines', joined.id)} onClick={closePanel}>
            Look at it
          </a>
        </p>
      )}
    </>
  )
}

/** An invite is made when the dialog opens, and another one when its limits change. */
function useInvite(expiresInMs: number, usesMax: number) {
  const [made, setMade] = useState<Made | null>(null)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [tries, setTries] = useState(0)
  useEffect(() => {
    let isGone = false
    const body = { roles: ['worker'], expires_in_ms: expiresInMs, uses_max: usesMax }
    const make = async () => {
      try {
        const reply = await act<Made>('invite.create', { body })
        if (isGone) return
        setMade(reply)
        setFailure(null)
      } catch (error) {
        if (!isGone) setFailure(failureOf(error))
      }
    }
    void make()
    return () => void (isGone = true)
  }, [expiresInMs, usesMax, tries])
  return { made, failure, again: () => setTries(tries + 1) }
}
