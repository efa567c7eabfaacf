/** What operators ask about the mesh and tell its workers, through a gateway. */
import { Type } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { MeshView } from '../http/admin/mesh.ts'
import { Me } from '../http/admin/me.ts'
import {
  ModelOrder,
  ModelOrdered,
  ModelViewList,
  Prefetch,
  Prefetched
} from '../http/admin/models.ts'
import { QueueView } from '../http/admin/queue.ts'
import {
  RequestCancelled,
  RequestDetail,
  RequestList,
  RequestsQuery
} from '../http/admin/requests.ts'
import { PatchSettings, SettingList } from '../http/admin/settings.ts'
import {
  DrainWorkerBody,
  LabelWorkerBody,
  RenameWorkerBody,
  WorkerChanged,
  WorkerId,
  WorkerList,
  WorkersQuery,
  WorkerView
} from '../http/admin/workers.ts'
import { EventKind, type AdminEvent } from '../http/admin/events.ts'
import { FROM_CALLERS, FROM_GATEWAYS } from './parties.ts'

const Empty = Type.Object({})

export const readMe = defineMethod('gateway.me', FROM_CALLERS, Empty, Me)
export const viewMesh = defineMethod('gateway.mesh', FROM_CALLERS, Empty, MeshView)
export const listWorkers = defineMethod('gateway.workers', FROM_CALLERS, WorkersQuery, WorkerList)
export const viewWorker = defineMethod(
  'gateway.worker',
  FROM_CALLERS,
  Type.Object({ id: WorkerId }),
  WorkerView
)
export const viewModels = defineMethod('gateway.modelViews', FROM_CALLERS, Empty, ModelViewList)
export const listRequests = defineMethod(
  'gateway.requests',
  FROM_CALLERS,
  RequestsQuery,
  RequestList
)
export const viewRequest = defineMethod(
  'gateway.request',
  FROM_CALLERS,
  Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
  RequestDetail
)
export const viewQueue = defineMethod('gateway.queue', FROM_CALLERS, Empty, QueueView)
export const orchestratorQueue = defineMethod('orchestrator.queue', FROM_GATEWAYS, Empty, QueueView)
const RequestId = Type.String({ minLength: 1, maxLength: 64 })
export const cancelRequest = defineMethod(
  'gateway.cancelRequest',
  FROM_CALLERS,
  Type.Object({ id: RequestId }),
  RequestCancelled
)
export const orchestratorCancel = defineMethod(
  'orchestrator.cancel',
  FROM_GATEWAYS,
  Type.Object({ requestId: RequestId }),
  Type.Object({ cancelled: Type.Integer({ minimum: 0 }) })
)
export const readSettings = defineMethod('gateway.settings', FROM_CALLERS, Empty, SettingList)
export const patchSettings = defineMethod(
  'gateway.setSettings',
  FROM_CALLERS,
  PatchSettings,
  SettingList
)
/** Whoever passes `data` on checks it by the kind of the event. */
export const watchMesh = defineStream(
  'gateway.watch',
  FROM_CALLERS,
  Empty,
  Type.Unsafe<AdminEvent>(
    Type.Object({ event: EventKind, data: Type.Record(Type.String(), Type.Unknown()) })
  ),
  Empty
)

const OfWorker = { id: WorkerId }

export const pauseWorker = defineMethod(
  'gateway.drain',
  FROM_CALLERS,
  Type.Object({ ...OfWorker, ...DrainWorkerBody.properties }),
  WorkerChanged
)
export const resumeWorker = defineMethod(
  'gateway.resume',
  FROM_CALLERS,
  Type.Object(OfWorker),
  WorkerChanged
)
export const renameWorker = defineMethod(
  'gateway.rename',
  FROM_CALLERS,
  Type.Object({ ...OfWorker, ...RenameWorkerBody.properties }),
  WorkerChanged
)
export const labelWorker = defineMethod(
  'gateway.label',
  FROM_CALLERS,
  Type.Object({ ...OfWorker, ...LabelWorkerBody.properties }),
  WorkerChanged
)
/** Its machine is no member any more: nothing of it comes back without a new invite. */
export const removeWorker = defineMethod(
  'gateway.remove',
  FROM_CALLERS,
  Type.Object(OfWorker),
  WorkerChanged
)
export const orderModel = defineMethod(
  'gateway.orderModel',
  FROM_CALLERS,
  Type.Object({ ...OfWorker, ...ModelOrder.properties }),
  ModelOrdered
)
export const prefetchModel = defineMethod(
  'gateway.prefetchModel',
  FROM_CALLERS,
  Prefetch,
  Prefetched
)
