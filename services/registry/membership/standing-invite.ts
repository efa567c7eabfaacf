/**
 * A reusable invite for workers in a file, from which those of a deployment join without anybody
 * copying anything. It is made once and kept while it is good.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { decodeInvite, inviteIdOf, type Invite } from '#shared/mesh/membership/invite.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { readIfThere } from '#shared/process/secret-file.ts'
import type { Entrance, Invites } from './invites.ts'

interface StandingInviteOptions {
  file: string
  invites: Invites
  entrance: () => Entrance
  log: Logger
}

/** Starts after the registry. */
export function standingInvite({ file, invites, entrance, log }: StandingInviteOptions): Service {
  return {
    async start() {
      const kept = read(file)
      if (kept !== null && leadsTo(kept, entrance()) && (await isGood(kept, invites))) return
      const wish = { roles: ['worker' as const], expiresInMs: null, usesMax: null }
      const { invite, topicKey } = await invites.create(wish, 'HAIF_INVITE_FILE')
      writeWhole(file, topicKey)
      log.info(
        { invite: invite.id, file },
        'workers of this deployment join with the invite in a file'
      )
    },
    async stop() {}
  }
}

function read(file: string): Invite | null {
  const text = readIfThere(file)
  if (text === null) return null
  try {
    return decodeInvite(text)
  } catch {
    return null // of another version, or not written by us: it is replaced
  }
}

function leadsTo(invite: Invite, entrance: Entrance): boolean {
  const { meshKey, reach, bootstrap } = invite
  return (
    meshKey.equals(entrance.meshKey) &&
    reach === entrance.reach &&
    isDeepStrictEqual(bootstrap, entrance.bootstrap)
  )
}

async function isGood({ secret }: Invite, invites: Invites): Promise<boolean> {
  const id = inviteIdOf(secret)
  return (await invites.list(false)).some((invite) => invite.id === id)
}

/** A reader sees the old file or the new one, never half of it. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.draft`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
