/**
 * Asks a model for a graph. It writes steps under a JSON schema; what data flows between them is
 * not left to it, and steps that run commands or fetch files are not its to choose.
 */
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import { readMaterial } from './material.ts'
import type { Planned } from './plan.ts'

const STEPS_MAX = 20
const STEP_TOKENS_MAX = 512
/** Of the input; the model plans by its beginning. */
const SHOWN_CHARACTERS_MAX = 4000

/** The answer's JSON schema. */
export const PLAN_SCHEMA = {
  type: 'object',
  properties: {
    tasks: {
      type: 'array',
      minItems: 1,
      maxItems: STEPS_MAX,
      items: {
        type: 'object',
        properties: {
          id: { type: 'string', pattern: '^[a-z][a-z0-9_]{0,31}$' },
          type: { type: 'string', enum: ['llm_inference', 'aggregation'] },
          instruction: { type: 'string', maxLength: 1000 },
          dependencies: { type: 'array', items: { type: 'string' }, maxItems: STEPS_MAX }
        },
        required: ['id', 'type', 'instruction', 'dependencies'],
        additionalProperties: false
      }
    }
  },
  required: ['tasks'],
  additionalProperties: false
}

export function planningPrompt({ type = 'chat', input }: Planned): string {
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  return [
    'Plan how to do the work below with a few tasks. Each task is one step for a language model',
    '(type "llm_inference", with the instruction for that step) or merges the outputs of its',
    'dependencies (type "aggregation"). A task with dependencies reads their outputs; one without',
    'reads the input. Use as few tasks as the work needs. Answer with JSON only:',
    '{"tasks":[{"id":"find","type":"llm_inference","instruction":"…","dependencies":[]}]}',
    '',
    `Kind of work: ${type}`,
    `Input: ${text.slice(0, SHOWN_CHARACTERS_MAX)}`
  ].join('\n')
}

interface Step {
  id: string
  type: 'llm_inference' | 'aggregation'
  instruction: string
  dependencies: string[]
}

/** Throws VALIDATION_FAILED; the graph is still to be checked. */
export function readPlan(answer: string, job: Planned): GraphTask[] {
  const steps = stepsIn(answer)
  const { documents } = readMaterial(job.input)
  const source = documents ?? 'job.input'
  return steps.map(({ id, type, instruction, dependencies }): GraphTask => {
    const sources = dependencies.length === 0 ? [source] : dependencies
    const given = sources.map((from) => ({ $from: from }))
    const input =
      type === 'aggregation'
        ? { op: 'merge', items: given }
        : {
            prompt: { $concat: [instruction, ...given.flatMap((each) => ['\n\n', each])] },
            max_tokens: STEP_TOKENS_MAX
          }
    return { id, type, input, dependencies }
  })
}

function stepsIn(answer: string): Step[] {
  const value = parsed(answer)
  const { tasks } = (typeof value === 'object' && value !== null ? value : {}) as {
    tasks?: unknown
  }
  if (!Array.isArray(tasks) || tasks.length === 0 || tasks.length > STEPS_MAX) {
    throw refused(`it has to have 1 to ${STEPS_MAX} tasks`)
  }
  return tasks.map((task: unknown, place) => stepOf(task, place))
}

function stepOf(task: unknown, place: number): Step {
  const { id, type, instruction, dependencies = [] } = (task ?? {}) as Partial<Step>
  if (typeof id !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id)) {
    throw refused(`tasks.${place} has no id`)
  }
  if (type !== 'llm_inference' && type !== 'aggregation') {
    throw refused(`tasks.${place} has a type that a planner may not choose`)
  }
  if (typeof instruction !== 'string') throw refused(`tasks.${place} has no instruction`)
  if (!Array.isArray(dependencies) || dependencies.some((each) => typeof each !== 'string')) {
    throw refused(`tasks.${place} has dependencies that are no ids`)
  }
  return { id, type, instruction, dependencies }
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer)
  } catch (error) {
    throw refused('it is no JSON', error)
  }
}

const refused = (problem: string, cause?: unknown): HaifError =>
  new HaifError('VALIDATION_FAILED', `the model's graph cannot be taken: ${problem}`, { cause })
