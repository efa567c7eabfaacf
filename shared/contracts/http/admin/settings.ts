/** Settings that change while the mesh runs; all others are read at a start (docs/settings.md). */
import { Type, type Static } from 'typebox'
import { ModelName } from '../../inference/model-name.ts'

const LIMIT_MAX = 1_000_000
const DAYS_MAX = 3650

const Count = Type.Integer({ minimum: 1, maximum: LIMIT_MAX })

/** By name, as messages of the mesh write it. */
export const LiveSettingValues = Type.Object({
  /** Answers requests that name none, where some worker has it. */
  defaultModel: Type.Optional(ModelName),
  /** Of gateways and orchestrators. */
  logLevel: Type.Optional(Type.Enum(['trace', 'debug', 'info', 'warn', 'error'])),
  /** Limits of tenants that have none of their own. */
  tenantMaxConcurrent: Type.Optional(Count),
  tenantRateLimitRps: Type.Optional(Count),
  /** How long the details of requests are kept, where their tenant says nothing. */
  keepRequestsDays: Type.Optional(Type.Integer({ minimum: 0, maximum: DAYS_MAX }))
})
export type LiveSettingValues = Static<typeof LiveSettingValues>
export type LiveSettingName = keyof LiveSettingValues

const orNull = <Schema extends (typeof LiveSettingValues.properties)[LiveSettingName]>(
  schema: Schema
) => Type.Optional(Type.Union([schema, Type.Null()]))

const { properties } = LiveSettingValues

/** Only what is named changes; null gives a setting back to the environment. */
export const PatchSettings = Type.Object({
  defaultModel: orNull(properties.defaultModel),
  logLevel: orNull(properties.logLevel),
  tenantMaxConcurrent: orNull(properties.tenantMaxConcurrent),
  tenantRateLimitRps: orNull(properties.tenantRateLimitRps),
  keepRequestsDays: orNull(properties.keepRequestsDays)
})
export type PatchSettings = Static<typeof PatchSettings>

export const SettingView = Type.Object({
  name: Type.String({ description: 'As the body of PATCH and "haif settings" name it.' }),
  value: Type.Optional(Type.Union([Type.String(), Type.Number()])),
  /** `kept`: changed while the mesh ran, and kept over restarts. */
  source: Type.Enum(['kept', 'environment', 'default']),
  meaning: Type.String(),
  setBy: Type.Optional(Type.String()),
  setAt: Type.Optional(Type.Integer({ description: 'Milliseconds since 1970.' }))
})
export type SettingView = Static<typeof SettingView>

export const SettingList = Type.Object({ settings: Type.Array(SettingView, { maxItems: 64 }) })
export type SettingList = Static<typeof SettingList>
