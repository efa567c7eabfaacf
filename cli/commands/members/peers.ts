/** `haif peers`, `haif approve`: the machines of the mesh, and what operators decide about them. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  approveMember,
  listInvites,
  listMembers,
  renameMember,
  revokeMember,
  type MemberEntry
} from '#shared/contracts/peers/members.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf, shortKey } from '../../screen/terminal.ts'
import { TOPIC_KEY } from '../options/options.ts'
import { readMachineName } from './invite.ts'

interface ListOptions extends CommonOptions {
  pending?: true
  all?: true
}

export function addPeersCommand(program: Command): void {
  const peers = program
    .command('peers')
    .description('list the machines that have joined with an invite')
    .option('--pending', 'only those that wait for "haif approve"')
    .option('--all', 'those that were refused or removed, too')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  peers
    .command('revoke <name|key>')
    .description('remove a machine for good, as when it was stolen')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(revoke)
  peers
    .command('rename <old> <new>')
    .description('call a machine something else')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (who: string, text: string, options: CommonOptions) => {
      const name = readMachineName(text)
      const renamed = await askGateway(renameMember.gateway, { who, name }, options)
      print(renamed, [`${who} is called ${name} from now on`], options)
    })
}

export function addApproveCommand(program: Command): void {
  program
    .command('approve <name|key>')
    .description('let a machine in that waits for it ("haif peers --pending")')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (who: string, options: CommonOptions) => {
      const member = await askGateway(approveMember.gateway, { who }, options)
      print(member, [`${member.name} is let in: ${member.roles.join(', ')}`], options)
    })
}

async function revoke(who: string, options: CommonOptions): Promise<void> {
  const removed = await askGateway(revokeMember.gateway, { who }, options)
  const { name, state, invite } = removed
  const what =
    state === 'refused'
      ? `${name} is not let in`
      : `${name} is removed: its connections end now, and its keys are refused everywhere`
  const { invites } = await askGateway(listInvites.gateway, {}, options)
  const isOpen = invites.some(({ id }) => id === invite)
  const hint = `It joined with an invite that can be used again: haif invite rm ${invite}`
  print(removed, isOpen ? [what, hint] : [what], options)
}

async function list({ pending, all, ...options }: ListOptions): Promise<void> {
  const states = pending === true ? (['waiting'] as const) : all === true ? ALL : PRESENT
  const found = await askGateway(listMembers.gateway, { states: [...states] }, options)
  const { members } = found
  const none = pending === true ? 'no machine waits to be approved' : NONE
  const lines =
    members.length === 0 ? [none] : table(members.map(cells), screenOf(process.stdout), '')
  print(found, lines, options)
}

const PRESENT = ['member', 'waiting'] as const
const ALL = [...PRESENT, 'refused', 'revoked'] as const
const NONE = 'no machine has joined with an invite yet; "haif invite" makes one'

function cells(member: MemberEntry): Cell[] {
  const { name, roles, host, keys, joinedAt, invite } = member
  return [
    { text: line(name), format: 'bold' },
    stateOf(member),
    { text: roles.join('|') },
    { text: line(host) },
    { text: keys.map(({ key }) => shortKey(key)).join(' ') },
    { text: shortTime(joinedAt) },
    { text: invite === undefined ? '' : `invite ${invite}`, format: 'dim' }
  ]
}

function stateOf({ state, keys }: MemberEntry): Cell {
  if (state === 'waiting') return { text: 'waits for approval', format: 'yellow' }
  if (state !== 'member')
    return { text: state === 'refused' ? 'refused' : 'removed', format: 'red' }
  const isConnected = keys.some(({ connected }) => connected)
  return isConnected ? { text: 'connected', format: 'green' } : { text: 'away', format: 'dim' }
}
