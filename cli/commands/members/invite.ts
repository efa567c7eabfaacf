/** `haif invite`: a topic key for another machine, and which ones there are. */
import process from 'node:process'
import { InvalidArgumentError, type Command } from 'commander'
import {
  createInvite,
  INVITE_USES_MAX,
  listInvites,
  removeInvite,
  type CreatedInvite,
  type CreateInvite,
  type InviteEntry
} from '#shared/contracts/peers/members.ts'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import { decodeInvite, MACHINE_NAME } from '#shared/mesh/membership/invite.ts'
import { actorText } from '../../ask/actor-text.ts'
import { askGateway, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { readSpanMs } from '../../screen/amounts.ts'
import { OWN_COMMAND } from '../../screen/own-command.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'

interface InviteOptions extends CommonOptions {
  role?: PeerRole[]
  name?: string
  /** Infinity: never. Commander takes no null. */
  expires?: number
  /** Infinity: any number of machines. */
  uses?: number
  approve?: true
  http?: true
  qr?: true
}

const HOUR_MS = 3_600_000

export function addInviteCommand(program: Command): void {
  const invite = program
    .command('invite')
    .description('let another machine into the mesh: prints the line to paste there')
    .option('--role <role>', 'what it may be: worker (default), client, …; repeatable', readRoles)
    .option('--name <name>', 'what it will be called; else it names itself', readMachineName)
    .option('--expires <time>', 'as 30m, 12h or 7d (default 1h); never', readExpiry)
    .option('--uses <number>', 'machines that may use it (default 1); many', readUses)
    .option('--http', 'the worker may serve the HTTP API on its machine: haif join … --http')
    .option('--approve', 'each machine waits until "haif approve" lets it in')
    .option('--qr', 'print it as a QR code, too')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(create)
  invite
    .command('ls')
    .description('list the invites that can still be used')
    .option('--all', 'those of the last 30 days that cannot, too')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  invite
    .command('rm <id>')
    .description('withdraw an invite; machines that have joined with it stay')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: CommonOptions) => {
      const removed = await askGateway(removeInvite.gateway, { id }, options)
      print(removed, [`invite ${removed.id} lets nobody in any more`], options)
    })
}

/** Repeatable, and several with commas. */
function readRoles(text: string, before: PeerRole[] = []): PeerRole[] {
  const roles = text.split(',').map((name) => {
    const role = ROLES.find((known) => known === name.trim())
    if (role === undefined) throw new InvalidArgumentError(`It must be one of ${ROLES.join(', ')}.`)
    return role
  })
  return [...before, ...roles]
}

export function readMachineName(text: string): string {
  if (MACHINE_NAME.test(text)) return text
  throw new InvalidArgumentError(
    'It must be a letter or digit, then up to 47 letters, digits, dots, underscores and hyphens.'
  )
}

const readExpiry = (text: string): number => (text === 'never' ? Infinity : readSpanMs(text))

function readUses(text: string): number {
  if (text === 'many') return Infinity
  const uses = Number(text)
  if (Number.isInteger(uses) && uses >= 1 && uses <= INVITE_USES_MAX) return uses
  throw new InvalidArgumentError(`It must be a number from 1 to ${INVITE_USES_MAX}, or many.`)
}

async function create(options: InviteOptions): Promise<void> {
  const { role = ['worker'], name, expires = HOUR_MS, uses = 1, approve, http, qr } = options
  const finite = (value: number) => (value === Infinity ? null : value)
  const wish: CreateInvite = {
    roles: http === true ? [...new Set<PeerRole>([...role, 'worker', 'bridge'])] : role,
    expiresInMs: finite(expires),
    usesMax: finite(uses)
  }
  if (name !== undefined) wish.name = name
  if (approve === true) wish.approve = true
  const made = await askGateway(createInvite.gateway, wish, options)
  print(made, [joinLine(made)], options)
  if (options.json === true) return
  if (qr === true) process.stdout.write(`\n${await qrCode(made.topicKey)}\n`)
  const lines = [...describe(made.invite), ...reachOf(made)]
  process.stderr.write(`${lines.join('\n')}\n`)
}

function joinLine({ topicKey, invite: { roles } }: CreatedInvite): string {
  if (!roles.includes('worker')) return topicKey
  return `${OWN_COMMAND} join ${topicKey}${roles.includes('bridge') ? ' --http' : ''}`
}

/** Capitals take less room in a QR code, and the key is read in any case. */
async function qrCode(topicKey: string): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr')
  return renderUnicodeCompact(topicKey.toUpperCase())
}

const reachOf = ({ topicKey }: CreatedInvite): string[] =>
  decodeInvite(topicKey).reach === 'local'
    ? ['This mesh is on this machine alone: start it with --lan or --public to let others join.']
    : []

function describe({ id, roles, name, usesMax, approve, expiresAt }: InviteEntry): string[] {
  const machines =
    usesMax === undefined ? 'any machines' : usesMax === 1 ? 'one machine' : `${usesMax} machines`
  const until = expiresAt === undefined ? 'until it is withdrawn' : `until ${shortTime(expiresAt)}`
  const called = name === undefined ? '' : ` as "${name}"`
  const lines = [`Invite ${id} lets ${machines} in${called}: ${roles.join(', ')}; ${until}.`]
  if (!roles.includes('worker')) lines.push(...useOf(roles))
  if (approve) lines.push('Each waits until you approve it: haif peers --pending, haif approve.')
  if (usesMax === undefined || expiresAt === undefined) {
    lines.push(`Keep it secret; "haif invite rm ${id}" withdraws it.`)
  }
  return lines
}

/** A worker's line says it all; what is printed for the others is the topic key alone. */
const useOf = (roles: readonly PeerRole[]): string[] =>
  roles.includes('client')
    ? [
        `There, once: ${OWN_COMMAND} status --topic-key haif_…; then infer, chat and status need no key.`
      ]
    : roles.includes('relay')
      ? [`There: ${OWN_COMMAND} relay haif_…`]
      : ['There: HAIF_TOPIC_KEY=haif_… for the first start of its service.']

async function list({ all, ...options }: CommonOptions & { all?: true }): Promise<void> {
  const found = await askGateway(listInvites.gateway, { all: all === true }, options)
  const { invites } = found
  const now = Date.now()
  const by = actorText(options)
  const rows = invites.map((invite) => cells(invite, now, by(invite.createdBy)))
  const lines = invites.length === 0 ? ['no invites'] : table(rows, screenOf(process.stdout), '')
  print(found, lines, options)
}

function cells(invite: InviteEntry, now: number, by: string): Cell[] {
  const { id, roles, name, uses, usesMax, approve } = invite
  return [
    { text: id, format: 'bold' },
    { text: roles.join('|') },
    { text: name ?? '' },
    { text: usesMax === undefined ? `used ${uses} times` : `used ${uses} of ${usesMax}` },
    stateOf(invite, now),
    { text: approve ? 'to be approved' : '' },
    { text: `by ${by}`, format: 'dim' }
  ]
}

function stateOf({ removedAt, expiresAt, uses, usesMax }: InviteEntry, now: number): Cell {
  if (removedAt !== undefined) return { text: 'withdrawn', format: 'red' }
  if (expiresAt !== undefined && expiresAt <= now) return { text: 'expired', format: 'red' }
  if (usesMax !== undefined && uses >= usesMax) return { text: 'used up', format: 'dim' }
  const until = expiresAt === undefined ? 'does not expire' : `until ${shortTime(expiresAt)}`
  return { text: until, format: 'green' }
}
