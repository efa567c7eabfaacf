/** The matrix: what each kind of credential may do with functions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ANONYMOUS,
  capabilitiesOf,
  onlyOf,
  tenantsOf,
  type Principal
} from '../../../../services/gateway/access/principal.ts'
import {
  ACTS,
  CREDENTIALS,
  credentialOf,
  mayAct
} from '../../../../services/gateway/functions/credentials.ts'

const withScopes = (...scopes: string[]): Principal => ({
  actor: 'id',
  tokenId: 'id',
  tenant: 'a',
  otherTenants: new Set(tenantsOf(scopes)),
  scopes: capabilitiesOf(scopes),
  ...onlyOf(scopes),
  limits: {},
  expiresAt: Infinity
})

const TOKENS = {
  user: withScopes('functions'),
  service: withScopes('tenant:b'),
  library: withScopes('library:o/risk'),
  machine: withScopes('machine:gpu-box'),
  none: withScopes('infer')
}

/** Written out, so that whoever gives a new right has to say so here as well. */
const MATRIX = `
object.list     user service library machine
object.read     user service library machine
object.source   user service
object.publish  user
library.list    user service
library.set     user
library.grant   user
machine.list    user service
secret.list     user
secret.set      user
secret.remove   user
secret.grant    user
run.start       user service library machine
run.list        user service library machine
run.read        user service library machine
run.artifacts   user service library machine
run.cancel      user service machine
run.resume      user service
`

test('each kind of credential may do what the matrix says, and nothing else', () => {
  const found = ACTS.map((act) =>
    [act, ...CREDENTIALS.filter((kind) => mayAct(TOKENS[kind], act))].join(' ')
  )
  assert.deepEqual(
    found,
    MATRIX.trim()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '))
  )
  for (const kind of CREDENTIALS) assert.equal(credentialOf(TOKENS[kind]), kind)
})

test('a token of a library does nothing outside of it, one of a machine nothing elsewhere', () => {
  const inside = { owner: 'o', library: 'risk', machine: 'gpu-box' }
  const other = { owner: 'o', library: 'other', machine: 'laptop' }
  const nowhere = { owner: 'o', library: 'risk' }
  for (const act of ACTS) {
    const { library, machine, user } = TOKENS
    assert.equal(mayAct(library, act, inside), mayAct(library, act))
    assert.equal(mayAct(library, act, other), false)
    assert.equal(mayAct(library, act, { ...inside, owner: 'x' }), false)
    assert.equal(mayAct(machine, act, inside), mayAct(machine, act))
    const isOfRuns = act.startsWith('run.')
    assert.equal(mayAct(machine, act, other), mayAct(machine, act) && !isOfRuns)
    assert.equal(mayAct(machine, act, nowhere), mayAct(machine, act) && !isOfRuns)
    assert.equal(mayAct(user, act, other), true)
  }
})

test('an operator may do all, and so may everybody where nobody needs a token', () => {
  for (const act of ACTS) {
    assert.ok(mayAct(withScopes('operator'), act))
    assert.ok(mayAct(ANONYMOUS, act))
  }
  assert.equal(credentialOf(withScopes('library:o/risk', 'functions')), 'library')
})
