/** `/v1/admin/settings`: what operators change while the mesh runs. */
import type { FastifyInstance } from 'fastify'
import { PatchSettings, SettingList } from '#shared/contracts/http/admin/settings.ts'
import { patchSettings, readSettings } from '#shared/contracts/peers/operating.ts'
import { asking, type AdminDeps } from './admin.ts'
import { describe } from './describe.ts'
import { fromSnake, toSnake } from './snake-case.ts'

const SETTINGS = '/v1/admin/settings'

export function settingRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get(
    SETTINGS,
    describe('Settings that change while the mesh runs, and where each comes from', SettingList),
    async (request, reply) => toSnake(SettingList, await ask({ request, reply }, readSettings, {}))
  )
  app.patch(
    SETTINGS,
    describe(
      'Change some of them; null gives one back to the environment',
      SettingList,
      PatchSettings
    ),
    async (request, reply) => {
      const patch = fromSnake(PatchSettings, request.body) as PatchSettings
      return toSnake(SettingList, await ask({ request, reply }, patchSettings, patch))
    }
  )
}
