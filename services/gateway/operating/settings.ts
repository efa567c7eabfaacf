/** Settings that operators see and change while the mesh runs. A change is in the audit first. */
import {
  LiveSettingValues,
  type LiveSettingName,
  type PatchSettings,
  type SettingList,
  type SettingView
} from '#shared/contracts/http/admin/settings.ts'
import { patchSettings, readSettings } from '#shared/contracts/peers/operating.ts'
import { SETTINGS_CHANNEL, type LiveSettings } from '#shared/main/live-settings.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Store } from '#shared/store/store.ts'
import type { Access } from '../access/access.ts'
import type { Actor } from '../access/access-admin.ts'
import { MESH_CHAIN, type Audit } from '../audit/audit.ts'

/** As the environment has them; the rest is the default. */
type GivenSettings = Partial<Record<LiveSettingName, string | number>>

const DEFAULTS: GivenSettings = { keepRequestsDays: 30 }

const MEANINGS: Record<LiveSettingName, string> = {
  defaultModel: 'answers requests that name none; else a real model that is ready',
  logLevel: 'how much gateways and orchestrators log',
  tenantMaxConcurrent: 'requests at a time of a tenant without a limit of its own',
  tenantRateLimitRps: 'requests a second of a tenant without a limit of its own',
  keepRequestsDays: 'days that details of requests are kept, where their tenant says nothing'
}

export interface OperatedSettings {
  live: LiveSettings
  given: GivenSettings
  /** With which this gateway has started: `haif up` logs less than a service alone. */
  logLevel: string
}

interface SettingsDeps extends OperatedSettings {
  store: Store
  audit: Pick<Audit, 'write'>
}

interface SettingRow {
  name: string
  set_by: string
  set_at: Date
}

async function listSettings(deps: SettingsDeps): Promise<SettingList> {
  const { store, live, given, logLevel } = deps
  const usual: GivenSettings = { ...DEFAULTS, logLevel }
  await live.refresh()
  const rows = await store.query<SettingRow>('select name, set_by, set_at from settings')
  const names = Object.keys(LiveSettingValues.properties) as LiveSettingName[]
  return {
    settings: names.map((name) => {
      const row = rows.find((each) => each.name === name)
      const known = { kept: live.get(name), given: given[name], usual: usual[name], row }
      return settingView(name, known)
    })
  }
}

interface Known {
  kept: string | number | undefined
  given: string | number | undefined
  usual: string | number | undefined
  row: SettingRow | undefined
}

function settingView(name: LiveSettingName, { kept, given, usual, row }: Known): SettingView {
  const value = kept ?? given ?? usual
  const source = kept !== undefined ? 'kept' : given !== undefined ? 'environment' : 'default'
  return {
    name: snake(name),
    meaning: MEANINGS[name],
    source,
    ...(value === undefined ? {} : { value }),
    ...(kept === undefined || row === undefined
      ? {}
      : { setBy: row.set_by, setAt: row.set_at.getTime() })
  }
}

const snake = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

async function changeSettings(
  patch: PatchSettings,
  actor: Actor,
  deps: SettingsDeps
): Promise<SettingList> {
  const { store, audit, live } = deps
  const event = { chain: MESH_CHAIN, action: 'settings.set', target: 'settings' }
  await audit.write({ ...event, result: 'ok', ...actor, details: { ...patch } })
  await store.transaction(async (tx) => {
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) await tx.query('delete from settings where name = $1', [name])
      else {
        await tx.query(
          `insert into settings (name, value, set_by) values ($1, $2::jsonb, $3)
           on conflict (name) do update set value = $2::jsonb, set_by = $3, set_at = now()`,
          [name, JSON.stringify(value), actor.actor]
        )
      }
    }
  })
  await live.refresh()
  await store.notify(SETTINGS_CHANNEL, '')
  return listSettings(deps)
}

interface AnswerDeps {
  router: Router
  access: Access
  settings: OperatedSettings
  /** Throws unless the caller may change, or see, what operators do. */
  operator: (context: ServerContext, action: string) => Promise<Actor>
  observer: (context: ServerContext, action: string) => Promise<Actor>
}

export function answerSettings({ router, access, settings, operator, observer }: AnswerDeps): void {
  const deps = () => ({ ...settings, ...access.stored })
  router
    .respond(readSettings, async (_request, context) => {
      await observer(context, 'settings.read')
      return listSettings(deps())
    })
    .respond(patchSettings, async (patch, context) => {
      const actor = await operator(context, 'settings.set')
      return changeSettings(patch, actor, deps())
    })
}
