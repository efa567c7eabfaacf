/** The dialog in which a person enters an access token, and the bar that asks for one. */
import { signal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import {
  access,
  forget,
  publicId,
  refused,
  whyNoToken,
  type Access,
  type Keeping
} from './mesh/access.ts'
import type { Failure } from './mesh/failure.ts'
import { Dialog } from './dialog.tsx'
import { focusComposer, hasFinePointer } from './focus.ts'
import { Icon } from './icons.tsx'
import { announce, notify } from './notices.ts'
import { closePanel } from './panels.ts'
import { askForToken, takeWaiting } from './token-panel.ts'

/** True while the person enters a token in place of the one in use. */
const replacing = signal(false)

interface TokenDialogProps {
  /** Keeps a token if the mesh accepts it; otherwise keeps nothing and returns the reason. */
  give: (given: Access, signal: AbortSignal) => Promise<Failure | null>
  /** Forgets what only the token could see. */
  onForget: () => void
  /** What makes a token that is good for this page. */
  command: string
}

export function TokenDialog(props: TokenDialogProps) {
  const isLetIn = access.value !== null && refused.value === null
  const onClosed = () => {
    takeWaiting()
    replacing.value = false
    // The element that had the focus may be gone.
    if (document.activeElement === document.body && hasFinePointer()) focusComposer()
  }
  return (
    <Dialog name="token" title="Access token" onClosed={onClosed}>
      {isLetIn && !replacing.value ? <InUse {...props} /> : <TokenForm {...props} />}
    </Dialog>
  )
}

/** Stands above the composer for as long as the mesh refuses this page. */
export function TokenBar() {
  if (refused.value === null) return null
  return (
    <div class="token-bar">
      <Icon name="key" />
      <span>
        {refused.value === 'noToken'
          ? 'This mesh answers only with an access token.'
          : 'The access token is no longer accepted.'}
      </span>
      <button type="button" class="plain small" onClick={() => askForToken()}>
        Enter token
      </button>
    </div>
  )
}

function InUse({ onForget }: TokenDialogProps) {
  const { token, keeping } = access.value!
  const id = publicId(token)
  return (
    <>
      <p>
        This page shows a token to the mesh
        {id !== null && (
          <>
            {' '}
            (<code>{id}</code> in <code>haif token ls</code>)
          </>
        )}
        . {KEPT[keeping]}
      </p>
      <div class="dialog-actions">
        <button type="button" class="plain" data-focus onClick={() => forgetToken(onForget)}>
          Forget the token
        </button>
        <button type="button" class="plain" onClick={() => (replacing.value = true)}>
          Use another
        </button>
      </div>
    </>
  )
}

const KEPT: Record<Keeping, string> = {
  tab: 'It is forgotten when this tab is closed.',
  device: 'It is remembered on this device until you forget it.'
}

function forgetToken(onForget: () => void): void {
  closePanel()
  forget()
  onForget()
  announce('The token is forgotten.') // the bar says what follows to those who see it
}

function TokenForm({ give, onForget, command }: TokenDialogProps) {
  const input = useRef<HTMLInputElement>(null)
  const remember = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState(
    refused.peek() === 'wrongToken' ? `${REFUSED} Enter another one.` : null
  )
  const [isChecking, setChecking] = useState(false)
  const closed = useRef(new AbortController())
  useEffect(() => {
    input.current?.focus() // also when the form takes the place of what was there
    return () => closed.current.abort()
  }, [])

  const submit = async () => {
    if (isChecking) return
    const token = input.current!.value.trim()
    const keeping = remember.current!.checked ? 'device' : 'tab'
    setChecking(true)
    const reason =
      whyNoToken(token) ?? (await tryToken(give, { token, keeping }, closed.current.signal))
    if (reason === null) {
      goOn(keeping)
    } else if (!closed.current.signal.aborted) {
      setChecking(false)
      setProblem(reason)
      input.current?.focus()
      input.current?.select()
    }
  }
  return (
    <form
      class="token-form"
      aria-busy={isChecking}
      onSubmit={(event) => (event.preventDefault(), void submit())}
    >
      <p>
        This mesh answers only those who have an access token. Whoever runs it makes one with{' '}
        <code>{command}</code>.
      </p>
      <TokenField input={input} problem={problem} />
      <RememberField remember={remember} />
      <p class="note">
        It stays in this browser and is sent to this mesh only.
        {!isSecureContext && UNENCRYPTED}
      </p>
      <div class="dialog-actions">
        <button type="submit" class="primary">
          {isChecking ? 'Checking …' : 'Use token'}
        </button>
        {access.value !== null && (
          <button type="button" class="plain" onClick={() => forgetToken(onForget)}>
            Forget the token
          </button>
        )}
      </div>
    </form>
  )
}

interface TokenFieldProps {
  input: RefObject<HTMLInputElement | null>
  problem: string | null
}

function TokenField({ input, problem }: TokenFieldProps) {
  const [isShown, setShown] = useState(false)
  return (
    <div class="field">
      <label for={INPUT_ID}>Token</label>
      <div class="token-input">
        <input
          id={INPUT_ID}
          ref={input}
          {...(isShown ? AS_TEXT : AS_SECRET)}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          placeholder="haif_user_…"
          aria-invalid={problem !== null}
          aria-describedby={PROBLEM_ID}
          data-focus
        />
        <button
          type="button"
          class="plain"
          aria-label={isShown ? 'Hide the token' : 'Show the token'}
          onClick={() => setShown(!isShown)}
        >
          {isShown ? 'Hide' : 'Show'}
        </button>
      </div>
      <p id={PROBLEM_ID} class="note bad" role="alert">
        {problem}
      </p>
    </div>
  )
}

const RememberField = ({ remember }: { remember: RefObject<HTMLInputElement | null> }) => (
  <label class="check">
    <input ref={remember} type="checkbox" defaultChecked={access.peek()?.keeping === 'device'} />
    <span>
      Remember on this device
      <small>
        Otherwise it is forgotten when this tab is closed. Not on a computer that others use.
      </small>
    </span>
  </label>
)

const UNENCRYPTED =
  ' This connection is not encrypted: others on the network can read it, and what you write.'
const INPUT_ID = 'token'
const AS_TEXT = { type: 'text' } as const
const AS_SECRET = { type: 'password' } as const
const PROBLEM_ID = 'token-problem'
const REFUSED = 'The mesh refuses this token: it was mistyped, has expired or was revoked.'

/** Resolves to null when the mesh accepts the token, and to the reason otherwise. */
async function tryToken(
  give: TokenDialogProps['give'],
  given: Access,
  signal: AbortSignal
): Promise<string | null> {
  const failure = await give(given, signal)
  return failure === null ? null : wordsFor(failure)
}

const wordsFor = ({ code, message }: Failure): string =>
  code === 'UNAUTHENTICATED' ? REFUSED : message

function goOn(keeping: Keeping): void {
  const waiting = takeWaiting()
  closePanel()
  notify(`The token is accepted. ${KEPT[keeping]}`)
  waiting?.()
}
