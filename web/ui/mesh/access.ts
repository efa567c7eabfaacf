/**
 * The access token that the person gave, where the mesh asks for one (docs/access.md). It is kept
 * only in this browser: until the tab is closed, or on this device if the person wishes.
 */
import { signal } from '@preact/signals'

export type Keeping = 'tab' | 'device'

export interface Access {
  token: string
  keeping: Keeping
}

const KEY = 'haif.token'
/** A store that is switched off throws when it is touched, so it is touched only here. */
const STORES: Record<Keeping, () => Storage> = {
  tab: () => sessionStorage,
  device: () => localStorage
}

/** The token in use; null when none was given. */
export const access = signal<Access | null>(kept('tab') ?? kept('device'))
/** Why the mesh refuses this page; null once it accepts the token, or needs none. */
export const refused = signal<'noToken' | 'wrongToken' | null>(null)

export function keep(given: Access): void {
  clear()
  try {
    STORES[given.keeping]().setItem(KEY, given.token)
  } catch {
    // Storage is switched off: the token lasts as long as the page.
  }
  access.value = given
  refused.value = null
}

export function forget(): void {
  clear()
  access.value = null
  refused.value = null
}

/** Learns from a reply about the token that was sent, unless there is another one by now. */
export function learn(token: string | undefined, letIn: boolean): void {
  if (token !== access.peek()?.token) return
  if (letIn) refused.value = null
  else refused.value = token === undefined ? 'noToken' : 'wrongToken'
}

/** Takes over a token that another tab keeps on this device, and forgets one that it forgets. */
export function followOtherTabs(onChange: () => void): void {
  window.addEventListener('storage', ({ key }) => {
    if ((key !== KEY && key !== null) || access.peek()?.keeping === 'tab') return
    access.value = kept('device')
    refused.value = null
    onChange()
  })
}

/** The part of a token that `haif token ls` shows, if it has one. */
export const publicId = (token: string): string | null =>
  /^haif_[a-z]+_([0-9a-f]{16})_/.exec(token)?.[1] ?? null

/** Says why a text cannot be a token, so that it need not be sent; null when it may be one. */
export function whyNoToken(text: string): string | null {
  if (text === '') return 'Paste the token first.'
  if (/^haif_[a-z0-9]{60,}$/i.test(text)) {
    return (
      'This is a topic key, with which machines join. ' +
      'A token is another text: it begins with haif_user_.'
    )
  }
  if (!/^[\x21-\x7e]{1,512}$/.test(text)) {
    return 'This is not a token: it has spaces or signs that no token has. Copy it once more.'
  }
  return null
}

function kept(keeping: Keeping): Access | null {
  try {
    const token = STORES[keeping]().getItem(KEY)
    return token === null || whyNoToken(token) !== null ? null : { token, keeping }
  } catch {
    return null // storage is switched off
  }
}

function clear(): void {
  for (const store of Object.values(STORES)) {
    try {
      store().removeItem(KEY)
    } catch {
      // Storage is switched off: nothing is in it.
    }
  }
}
