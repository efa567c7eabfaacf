/** What gateways ask of jobs services about plans and policies. */
import { Type } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { between } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { GraphTasks } from './graph.ts'
import { ExplainPolicy, GetPolicy, PolicyExplanation, PolicyVersion, SetPolicy } from './policy.ts'
import { SubmitJob } from './submit.ts'

const FROM_GATEWAYS = between(['gateway'], ['jobs'])
const LARGE = { isLarge: true }
const Of = { tenant: Type.Optional(PlainText(128, 1)) }

export const compileGraph = defineMethod(
  'jobs.compile',
  FROM_GATEWAYS,
  Type.Object({
    tenant: PlainText(128, 1),
    tokenId: Type.Optional(PlainText(64, 1)),
    job: SubmitJob
  }),
  Type.Object({ tasks: GraphTasks }),
  LARGE
)

export const setPolicy = defineMethod(
  'jobs.setPolicy',
  FROM_GATEWAYS,
  Type.Object({ ...SetPolicy.properties, by: PlainText(128, 1) }),
  PolicyVersion,
  LARGE
)

export const getPolicy = defineMethod('jobs.getPolicy', FROM_GATEWAYS, GetPolicy, PolicyVersion)

export const explainPolicy = defineMethod(
  'jobs.explainPolicy',
  FROM_GATEWAYS,
  Type.Object({ ...Of, ...ExplainPolicy.properties }),
  PolicyExplanation
)
