/** What people and programs ask of a gateway about functions and pipelines. */
import { Type } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { JobId } from '../jobs/submit.ts'
import { FROM_CALLERS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { LibraryList } from './methods.ts'
import { ObjectRef } from './bundle.ts'
import {
  LibraryView,
  ObjectDetail,
  ObjectPage,
  ObjectQuery,
  PublishObject,
  Published,
  SetGrant,
  SetLibrary
} from './objects.ts'
import { RunList, RunQuery, RunView, StartRun } from './runs.ts'

const LARGE = { isLarge: true }

export const gatewayPublishObject = defineMethod(
  'gateway.publishObject',
  FROM_CALLERS,
  PublishObject,
  Published,
  LARGE
)
export const gatewayListObjects = defineMethod(
  'gateway.listObjects',
  FROM_CALLERS,
  ObjectQuery,
  ObjectPage
)
export const gatewayDescribeObject = defineMethod(
  'gateway.describeObject',
  FROM_CALLERS,
  Type.Object({ ref: ObjectRef, source: Type.Optional(Type.Boolean()) }),
  ObjectDetail
)
export const gatewayListLibraries = defineMethod(
  'gateway.listLibraries',
  FROM_CALLERS,
  Type.Object({}),
  LibraryList
)
export const gatewaySetLibrary = defineMethod(
  'gateway.setLibrary',
  FROM_CALLERS,
  SetLibrary,
  LibraryView
)
export const gatewaySetGrant = defineMethod('gateway.setGrant', FROM_CALLERS, SetGrant, LibraryView)

/** With `waitMs` the answer comes when the run has ended. */
export const gatewayStartRun = defineMethod(
  'gateway.startRun',
  FROM_CALLERS,
  Type.Object({ run: StartRun, idempotencyKey: Type.Optional(PlainText(128, 1)) }),
  RunView,
  LARGE
)
export const gatewayListRuns = defineMethod('gateway.listRuns', FROM_CALLERS, RunQuery, RunList)
export const gatewayGetRun = defineMethod(
  'gateway.getRun',
  FROM_CALLERS,
  Type.Object({ runId: JobId }),
  RunView
)
