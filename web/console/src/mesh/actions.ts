/**
 * Everything the console can do to a mesh: one row for each, with its address and the command that
 * does the same. The console asks through this table alone, so it offers nothing that it lacks.
 */
import { send } from '../../../ui/mesh/http.ts'

interface Action {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Has its parameters as `:id`. */
  path: string
  command: string
}

export const ACTIONS = {
  'worker.drain': {
    method: 'POST',
    path: '/v1/admin/workers/:id/drain',
    command: 'haif workers drain'
  },
  'worker.resume': {
    method: 'POST',
    path: '/v1/admin/workers/:id/resume',
    command: 'haif workers resume'
  },
  'worker.rename': {
    method: 'POST',
    path: '/v1/admin/workers/:id/rename',
    command: 'haif workers rename'
  },
  'worker.remove': {
    method: 'POST',
    path: '/v1/admin/workers/:id/remove',
    command: 'haif workers remove'
  },
  'model.load': {
    method: 'POST',
    path: '/v1/admin/workers/:id/models',
    command: 'haif models load'
  },
  'model.unload': {
    method: 'POST',
    path: '/v1/admin/workers/:id/models',
    command: 'haif models unload'
  },
  'model.pin': { method: 'POST', path: '/v1/admin/workers/:id/models', command: 'haif models pin' },
  'model.fetch': {
    method: 'POST',
    path: '/v1/admin/workers/:id/models',
    command: 'haif models pull'
  },
  'model.delete': {
    method: 'POST',
    path: '/v1/admin/workers/:id/models',
    command: 'haif models rm'
  },
  'invite.create': { method: 'POST', path: '/v1/admin/invites', command: 'haif invite' },
  'token.create': { method: 'POST', path: '/v1/admin/tokens', command: 'haif token create' },
  'token.rotate': {
    method: 'POST',
    path: '/v1/admin/tokens/:id/rotate',
    command: 'haif token rotate'
  },
  'token.revoke': { method: 'DELETE', path: '/v1/admin/tokens/:id', command: 'haif token revoke' },
  'token.patch': { method: 'PATCH', path: '/v1/admin/tokens/:id', command: 'haif token set' },
  'tenant.patch': { method: 'PATCH', path: '/v1/admin/tenants/:id', command: 'haif tenant set' },
  'tenant.delete': {
    method: 'DELETE',
    path: '/v1/admin/tenants/:id',
    command: 'haif tenant rm'
  },
  'job.cancel': { method: 'DELETE', path: '/v1/jobs/:id', command: 'haif jobs cancel' },
  'job.resume': { method: 'POST', path: '/v1/jobs/:id/resume', command: 'haif jobs resume' },
  'job.archive': { method: 'POST', path: '/v1/jobs/:id/archive', command: 'haif jobs archive' },
  'deadLetter.requeue': {
    method: 'POST',
    path: '/v1/admin/queue/dead-letter',
    command: 'haif jobs requeue'
  },
  'run.start': { method: 'POST', path: '/v1/runs', command: 'haif fn call' },
  'run.cancel': { method: 'POST', path: '/v1/runs/:id/cancel', command: 'haif runs cancel' },
  'run.retry': { method: 'POST', path: '/v1/runs/:id/retry', command: 'haif runs retry' },
  'policy.set': { method: 'PUT', path: '/v1/admin/policy', command: 'haif policy set' }
} as const satisfies Record<string, Action>
export type ActionName = keyof typeof ACTIONS

const ACT_MS_MAX = 30_000

export interface Wish {
  params?: Record<string, string>
  body?: unknown
  headers?: Record<string, string>
}

/** Does it; rejects with a MeshError that says why not. */
export async function act<Reply>(name: ActionName, wish: Wish = {}): Promise<Reply> {
  const { method, path } = ACTIONS[name]
  const { params = {}, body, headers = {} } = wish
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(ACT_MS_MAX) }
  if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { ...headers, 'content-type': 'application/json' }
  }
  const response = await send(fillPath(path, params), init)
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as Reply
}

/** Returns the address relative to the bridge's root. */
export function fillPath(path: string, params: Record<string, string>): string {
  return path.slice(1).replaceAll(/:(\w+)/g, (_whole, name: string) => {
    return encodeURIComponent(params[name]!)
  })
}
