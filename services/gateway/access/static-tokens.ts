/**
 * Tokens from `HAIF_API_TOKENS`: `secret:scope|scope`, separated by commas. An entry that cannot be
 * read stops the start, because a token that is silently left out might be the one that closes a
 * door.
 */
import type { KeyObject } from 'node:crypto'
import { readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { SCOPE_PATTERN } from '#shared/contracts/access/access.ts'
import { capabilitiesOf, LOCAL_TENANT, onlyOf, tenantsOf, type Principal } from './principal.ts'
import { hashToken } from './token-text.ts'

const TOKENS_MAX = 256
const SECRET = /^[\x21-\x7e]{1,512}$/
const SCOPE = new RegExp(SCOPE_PATTERN)
const EXAMPLE = "HAIF_API_TOKENS='operator-token:operator|metrics,tenant-a-token:tenant:tenant-a'"

export interface StaticToken {
  secret: string
  scopes: string[]
}

export function readStaticTokens(env: Environment): StaticToken[] {
  const text = readString(env, 'HAIF_API_TOKENS', '')
  if (text === '') {
    if (env['HAIF_API_TOKENS']?.length) throw malformed('it is blank; leave it out to have none')
    return []
  }
  const tokens = text.split(',').map((entry, i) => readEntry(entry.trim(), i + 1))
  if (tokens.length > TOKENS_MAX) throw malformed(`it has more than ${TOKENS_MAX} entries`)
  if (new Set(tokens.map(({ secret }) => secret)).size < tokens.length) {
    throw malformed('a token is in it twice')
  }
  return tokens
}

/** Fewer characters can be guessed: nothing slows down whoever tries. */
const GUESSED_CHARACTERS = 20

/** The numbers of entries whose tokens are short, for a warning. */
export function shortTokens(tokens: readonly StaticToken[]): number[] {
  return tokens.flatMap(({ secret }, i) => (secret.length < GUESSED_CHARACTERS ? [i + 1] : []))
}

/** Says which entry is wrong, never what is in it. */
function readEntry(entry: string, number: number): StaticToken {
  const at = entry.indexOf(':')
  const secret = entry.slice(0, Math.max(0, at))
  const scopes = entry.slice(at + 1).split('|')
  if (at < 0) throw malformed(`entry ${number} has no scope`)
  if (!SECRET.test(secret)) throw malformed(`entry ${number} has no token before the colon`)
  if (!scopes.every((scope) => SCOPE.test(scope))) {
    throw malformed(
      `entry ${number} has a scope that is none of infer, jobs, functions, worker, operator, ` +
        'metrics, models:write, tenant:<id>'
    )
  }
  return { secret, scopes }
}

function malformed(why: string): HaifError {
  return new HaifError('CONFIG_INVALID', `HAIF_API_TOKENS cannot be used: ${why}. Write ${EXAMPLE}`)
}

/** By the keyed hash of the secret, so that looking one up tells nothing about the others. */
export function staticPrincipals(
  tokens: readonly StaticToken[],
  pepper: KeyObject
): Map<string, Principal> {
  return new Map(
    tokens.map(({ secret, scopes }) => {
      const hash = hashToken(pepper, secret).toString('hex')
      const id = `static-${hash.slice(0, 8)}`
      const [tenant = LOCAL_TENANT, ...others] = tenantsOf(scopes)
      const principal: Principal = {
        actor: id,
        tokenId: id,
        tenant,
        otherTenants: new Set(others),
        scopes: capabilitiesOf(scopes),
        ...onlyOf(scopes),
        limits: {},
        expiresAt: Infinity
      }
      return [hash, principal]
    })
  )
}
