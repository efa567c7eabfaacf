/** Where the person gives an access token, and takes it back. */
import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { access, forget, publicId, refused, whyNoToken, type Keeping } from './mesh/access.ts'
import { forgetModels, giveToken } from './mesh/models.ts'
import type { Failure } from './mesh/failure.ts'
import { Dialog } from './dialog.tsx'
import { focusComposer, hasFinePointer } from './focus.ts'
import { Icon } from './icons.tsx'
import { announce, notify } from './notices.ts'
import { closePanel } from './panels.ts'
import { askForToken, takeWaiting } from './token-panel.ts'

/** Another token is to replace the one in use. */
const replacing = signal(false)

export function TokenDialog() {
  const isLetIn = access.value !== null && refused.value === null
  const onClosed = () => {
    takeWaiting()
    replacing.value = false
    // What had the focus may be gone with the reason to ask.
    if (document.activeElement === document.body && hasFinePointer()) focusComposer()
  }
  return (
    <Dialog name="token" title="Access token" onClosed={onClosed}>
      {isLetIn && !replacing.value ? <InUse /> : <TokenForm />}
    </Dialog>
  )
}

/** Beside the place where one writes, for as long as nothing will be answered. */
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

function InUse() {
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
        <button type="button" class="plain" data-focus onClick={forgetToken}>
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

function forgetToken(): void {
  closePanel()
  forget()
  forgetModels()
  announce('The token is forgotten.') // the bar says what follows to those who see it
}

function TokenForm() {
  const input = useRef<HTMLInputElement>(null)
  const remember = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState(
    refused.peek() === 'wrongToken' ? `${REFUSED} Enter another one.` : null
  )
  const [isShown, setShown] = useState(false)
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
    const said = whyNoToken(token) ?? (await tryToken(token, keeping, closed.current.signal))
    if (said === null) {
      goOn(keeping)
    } else if (!closed.current.signal.aborted) {
      setChecking(false)
      setProblem(said)
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
        <code>haif token create</code>.
      </p>
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
      <label class="check">
        <input
          ref={remember}
          type="checkbox"
          defaultChecked={access.peek()?.keeping === 'device'}
        />
        <span>
          Remember on this device
          <small>
            Otherwise it is forgotten when this tab is closed. Not on a computer that others use.
          </small>
        </span>
      </label>
      <p class="note">
        It stays in this browser and is sent to this mesh only.
        {!isSecureContext &&
          ' This connection is not encrypted: others on the network can read it, and what you write.'}
      </p>
      <div class="dialog-actions">
        <button type="submit" class="primary">
          {isChecking ? 'Checking …' : 'Use token'}
        </button>
        {access.value !== null && (
          <button type="button" class="plain" onClick={forgetToken}>
            Forget the token
          </button>
        )}
      </div>
    </form>
  )
}

const INPUT_ID = 'token'
const AS_TEXT = { type: 'text' } as const
const AS_SECRET = { type: 'password' } as const
const PROBLEM_ID = 'token-problem'
const REFUSED = 'The mesh refuses this token: it was mistyped, has expired or was revoked.'

/** Null: the mesh lets it in. */
async function tryToken(
  token: string,
  keeping: Keeping,
  signal: AbortSignal
): Promise<string | null> {
  const failure = await giveToken({ token, keeping }, signal)
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
