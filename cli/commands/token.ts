/** `haif token`: who may ask, with which rights and limits. */
import process from 'node:process'
import { InvalidArgumentError, type Command } from 'commander'
import {
  accessState,
  createToken,
  listTenants,
  listTokens,
  patchToken,
  revokeToken,
  rotateToken,
  SCOPE_PATTERN,
  type CreateToken,
  type TokenEntry,
  type TokenSecret
} from '#shared/contracts/access/access.ts'
import { readSpanMs } from '../screen/amounts.ts'
import { nearName } from '#shared/kit/near-name.ts'
import { confirm } from '../ask/confirm.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../ask/gateway-call.ts'
import {
  addLimitOptions,
  CLEARABLE,
  describeLimits,
  describeUse,
  limitsOf,
  readClear,
  type LimitOptions
} from './options/limit-options.ts'
import { TOPIC_KEY } from './options/options.ts'
import { table, type Cell } from '../screen/table.ts'
import { noteUnknownModels } from '../ask/note-models.ts'
import { screenOf } from '../screen/terminal.ts'

interface CreateOptions extends CommonOptions, LimitOptions {
  tenant: string
  scope?: string[]
  name?: string
  expires?: number
  yes?: true
}

interface SetOptions extends CommonOptions, LimitOptions {
  clear?: Record<string, null>
}

/** For those who have nobody to tell apart. */
const DEFAULT_TENANT = 'default'

/** What becomes closed. */
const FIRST_TOKEN = [
  'This is the first token of the mesh. From then on, and for good, whoever has none gets 401: curl,',
  'programs and the chat page, also on this machine. Give each of them a token; HAIF_TOKEN has it for',
  '"haif launch" and "haif submit".',
  'The console and /v1/admin then need one with --scope operator (observer: to look on alone).',
  'The haif command of this machine, and machines that have joined, go on as before.'
]

const scopePattern = new RegExp(SCOPE_PATTERN)

export function addTokenCommand(program: Command): void {
  const token = program.command('token').description('make, list and revoke tokens')
  const made = token
    .command('create')
    .description('make a token, and print it this once')
    .option('--tenant <name>', 'whom it belongs to; made if there is none', DEFAULT_TENANT)
    .option(
      '--scope <scope>',
      'infer (default), jobs, worker, operator, metrics, models:write, observer, tenant:<id>; repeatable',
      readScopes
    )
    .option('--name <text>', 'to tell it from others')
    .option('--expires <time>', 'as 12h or 30d; never unless given', readSpanMs)
  addLimitOptions(made)
    .option('--yes', 'ask nothing')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(create)
  const changed = token.command('set <id>').description('change some limits of a token')
  addLimitOptions(changed)
    .option('--clear <limits>', `lift some: ${CLEARABLE}`, readClear)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: SetOptions) => {
      const limits = { ...limitsOf(options), ...options.clear }
      await noteUnknownModels(limitsOf(options), options)
      const entry = await askGateway(patchToken, { id, limits }, options)
      print(entry, [`token ${entry.id}: ${line(describeLimits(entry.limits))}`], options)
    })
  token
    .command('ls')
    .description('list tokens, the newest first')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  token
    .command('revoke <id>')
    .description('refuse a token from now on')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: CommonOptions) => {
      const revoked = await askGateway(revokeToken, { id }, options)
      print(revoked, [`token ${revoked.id} of ${revoked.tenant} is refused from now on`], options)
    })
  token
    .command('rotate <id>')
    .description('replace a token by a new one with the same rights')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: CommonOptions) =>
      tellSecret(await askGateway(rotateToken, { id }, options), options)
    )
}

/** Repeatable, and several with commas. */
function readScopes(text: string, before: string[] = []): string[] {
  const scopes = text.split(',')
  if (scopes.every((scope) => scopePattern.test(scope))) return [...before, ...scopes]
  throw new InvalidArgumentError(
    'It must be infer, jobs, worker, operator, metrics, models:write, observer or tenant:<id>.'
  )
}

async function create(options: CreateOptions): Promise<void> {
  const { tenant, scope, name, expires } = options
  const wish: CreateToken = { tenant, limits: limitsOf(options) }
  if (scope !== undefined) wish.scopes = scope
  if (name !== undefined) wish.name = name
  if (expires !== undefined) wish.expiresInMs = expires
  const yes = options.yes === true
  const { tokensNeeded } = await askGateway(accessState, {}, options)
  if (!tokensNeeded) await confirm({ says: FIRST_TOKEN, question: 'Make it?', yes })
  const { tenants } = await askGateway(listTenants, {}, options)
  const names = tenants.map(({ id }) => id)
  const near = names.includes(tenant) ? undefined : nearName(tenant, names)
  if (near !== undefined) {
    const says = [`${tenant} is a new tenant without limits; there is ${near} already`]
    await confirm({ says, question: `Did you mean ${near}? Make ${tenant} in any case?`, yes })
  }
  await noteUnknownModels(limitsOf(options), options)
  tellSecret(await askGateway(createToken, wish, options), options)
}

/** The token alone on stdout, so that it can be piped into a file. */
function tellSecret(made: TokenSecret, options: CommonOptions): void {
  const { id, tenant, limits, scopes, expiresAt } = made.token
  print(made, [made.secret], options)
  if (options.json === true) return
  const until = expiresAt === undefined ? 'does not expire' : `expires ${shortTime(expiresAt)}`
  process.stderr.write(
    `token ${id} of tenant ${tenant}: ${scopes.join(', ')}; ${describeLimits(limits)}; ${until}\n` +
      'It is shown this once. Clients send it as "Authorization: Bearer …".\n'
  )
}

async function list(options: CommonOptions): Promise<void> {
  const found = await askGateway(listTokens, {}, options)
  const { tokens } = found
  const screen = screenOf(process.stdout)
  const now = Date.now()
  const lines =
    tokens.length === 0
      ? ['no tokens']
      : table(
          tokens.map((each) => cells(each, now)),
          screen,
          ''
        )
  print(found, lines, options)
}

function cells(token: TokenEntry, now: number): Cell[] {
  const { id, kind, tenant, scopes, hint, name, limits, use } = token
  return [
    { text: id, format: 'bold' },
    { text: `…${line(hint)}` },
    { text: tenant },
    { text: kind === 'operator-key' ? 'key of this machine' : scopes.join('|') },
    stateOf(token, now),
    { text: name === undefined ? '' : line(name) },
    { text: line(describeLimits(limits)), format: 'dim' },
    { text: describeUse(use) }
  ]
}

function stateOf({ revokedAt, expiresAt }: TokenEntry, now: number): Cell {
  if (revokedAt !== undefined) return { text: 'revoked', format: 'red' }
  if (expiresAt === undefined) return { text: 'valid', format: 'green' }
  return expiresAt <= now
    ? { text: 'expired', format: 'red' }
    : { text: `until ${shortTime(expiresAt)}`, format: 'green' }
}
