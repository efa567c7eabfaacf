/**
 * What each kind of credential may do with functions: one table, and the bounds of tokens that are
 * for one library or for one machine. A machine's own certificate is none of them: it runs what
 * jobs services send, and may ask a gateway for nothing. Pure.
 */
import type { RunSubject } from '#shared/contracts/functions/subject.ts'
import { may, type Principal } from '../access/principal.ts'

export const ACTS = [
  'object.list',
  'object.read',
  'object.source',
  'object.publish',
  'library.list',
  'library.set',
  'library.grant',
  'machine.list',
  'secret.list',
  'secret.set',
  'secret.remove',
  'secret.grant',
  'run.start',
  'run.list',
  'run.read',
  'run.artifacts',
  'run.cancel',
  'run.resume'
] as const
export type FunctionAct = (typeof ACTS)[number]

/**
 * `user`: a token with the scope `functions`. `service`: one that asks in the name of several
 * tenants. `library`, `machine`: one that is for these alone.
 */
export const CREDENTIALS = ['user', 'service', 'library', 'machine', 'none'] as const
type Credential = (typeof CREDENTIALS)[number]

const CALLS: readonly FunctionAct[] = [
  'object.list',
  'object.read',
  'run.start',
  'run.list',
  'run.read',
  'run.artifacts'
]
const MAY: Readonly<Record<Credential, ReadonlySet<FunctionAct>>> = {
  user: new Set(ACTS),
  service: new Set([
    ...CALLS,
    'machine.list',
    'object.source',
    'library.list',
    'run.cancel',
    'run.resume'
  ]),
  library: new Set(CALLS),
  machine: new Set([...CALLS, 'run.cancel']),
  none: new Set()
}

export function credentialOf(principal: Principal): Credential {
  if (may(principal, 'operator')) return 'user'
  const { only, otherTenants } = principal
  if (only !== undefined && only.libraries.size > 0) return 'library'
  if (only !== undefined && only.machines.size > 0) return 'machine'
  if (!may(principal, 'functions')) return 'none'
  return otherTenants.size > 0 ? 'service' : 'user'
}

/** `of`: the run or the object that it is about, where it is known by then. */
export function mayAct(
  principal: Principal,
  act: FunctionAct,
  of?: Pick<RunSubject, 'owner' | 'library' | 'machine'>
): boolean {
  const credential = credentialOf(principal)
  if (!MAY[credential].has(act)) return false
  if (of === undefined) return true
  const { only } = principal
  if (credential === 'library') return only!.libraries.has(`${of.owner}/${of.library}`)
  if (credential !== 'machine' || !act.startsWith('run.')) return true
  return of.machine !== undefined && only!.machines.has(of.machine)
}
