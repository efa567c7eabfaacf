/** What a caller asks of jobs: to take one, to plan one, and to show them. */
import { Type, type Static } from 'typebox'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { GraphTasks } from './graph.ts'

export const JOB_PRIORITIES = ['interactive', 'standard', 'batch'] as const
export const JobPriority = Type.Enum(JOB_PRIORITIES)
export type JobPriority = Static<typeof JobPriority>

export const PLANNER_MODES = ['template', 'hybrid', 'llm_planner'] as const
export const PlannerMode = Type.Enum(PLANNER_MODES)
export type PlannerMode = Static<typeof PlannerMode>

export const JOB_TYPE_MAX = 64
const Word = PlainText(64, 1)

/** 128 random bits: whoever may not see a job does not find it by counting. */
export const JOB_ID_PATTERN = '^job-[0-9a-f]{32}$'
export const JobId = Type.String({ pattern: JOB_ID_PATTERN })

export const TenantName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })

export const SubmitJob = Type.Object(
  {
    type: Type.Optional(
      PlainText(JOB_TYPE_MAX, 1) // any word: policies match on it, `batch_analysis` has a template
    ),
    input: Type.Optional(
      Type.Unknown({
        description:
          'A text, or any JSON: a list of documents, say. `{"$from": "job.input"}` refers to it.'
      })
    ),
    policy: Type.Optional(PlainText(128, 1)),
    priority: Type.Optional(JobPriority),
    tenant: Type.Optional(TenantName),
    model: Type.Optional(ModelName),
    plannerMode: Type.Optional(PlannerMode),
    latencyClass: Type.Optional(Word),
    reasoningRequired: Type.Optional(Type.Boolean()),
    dataClassification: Type.Optional(Word),
    networkIsolation: Type.Optional(Word),
    installModelIfMissing: Type.Optional(Type.Boolean()),
    tasks: Type.Optional(GraphTasks)
  },
  {
    title: 'Job',
    description: 'With `tasks` they are the graph; otherwise `input` is planned.',
    examples: [{ type: 'chat', input: 'What is HAIF?', priority: 'interactive' }]
  }
)
export type SubmitJob = Static<typeof SubmitJob>

export const JobAccepted = Type.Object({ jobId: JobId })
export type JobAccepted = Static<typeof JobAccepted>

/** `POST /v1/planner/compile`. */
export const CompileGraph = Type.Object({
  jobId: Type.Optional(PlainText(64, 1)),
  type: SubmitJob.properties.type,
  input: Type.Optional(Type.Unknown()),
  mode: Type.Optional(PlannerMode),
  model: SubmitJob.properties.model,
  tasks: SubmitJob.properties.tasks
})
export type CompileGraph = Static<typeof CompileGraph>
