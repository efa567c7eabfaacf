/**
 * Trouble with a server that speaks HTTP, by the status of its answer: a server whose models a
 * worker offers, the hub that models are downloaded from, a proxy on the way to either.
 * https://www.rfc-editor.org/rfc/rfc9110#section-15
 */
import type { Trouble } from './trouble.ts'

interface HttpTrouble extends Trouble {
  /** It is well and has too much to do: it may say in `Retry-After` when to come again. */
  isBusy?: true
}

const BAD: HttpTrouble = {
  kind: 'bad input',
  what: 'refuses what it was sent',
  remedy: 'correct what was sent'
}
const NO_ACCESS: HttpTrouble = {
  kind: 'refuses us',
  what: 'wants another key',
  remedy: 'give a key that it accepts'
}
const NOT_THERE: HttpTrouble = {
  kind: 'refuses us',
  what: 'does not have it',
  remedy: 'correct the name, or the address of the server'
}
const NO_API: HttpTrouble = {
  kind: 'refuses us',
  what: 'does not know this call',
  remedy: 'correct the address of the server'
}
const BUSY: HttpTrouble = {
  kind: 'away',
  what: 'is busy',
  remedy: 'nothing has to be done: it is tried again',
  isBusy: true
}
const FAILING: HttpTrouble = { kind: 'away', what: 'fails', remedy: 'see its log' }

const BY_STATUS: Record<number, HttpTrouble> = {
  401: NO_ACCESS,
  402: { kind: 'refuses us', what: 'wants to be paid', remedy: 'see the account there' },
  403: NO_ACCESS,
  404: NOT_THERE,
  405: NO_API,
  407: {
    kind: 'refuses us',
    what: 'is behind a proxy that wants a name and a password',
    remedy: 'put them into HTTPS_PROXY'
  },
  408: BUSY,
  410: NOT_THERE,
  425: BUSY,
  426: NO_API,
  429: BUSY,
  451: { kind: 'refuses us', what: 'may not give it here', remedy: 'choose another one' },
  501: NO_API,
  503: BUSY,
  507: { kind: 'refuses writes', what: 'has no more room', remedy: 'make room there' },
  511: {
    kind: 'refuses us',
    what: 'is behind a network that wants a login',
    remedy: 'open its address in a browser on this machine'
  }
}

/** Null when the server has done what it was asked for. */
export function httpTrouble(status: number): HttpTrouble | null {
  if (status >= 200 && status <= 299) return null
  if (status >= 300 && status <= 399) {
    const remedy = 'give the address that it leads to'
    return { kind: 'refuses us', what: 'redirects elsewhere', remedy }
  }
  return BY_STATUS[status] ?? (status >= 400 && status <= 499 ? BAD : FAILING)
}
