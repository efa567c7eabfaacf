/**
 * Makes a graph of what a job asks. `template`: split, embed, summarise for an analysis, a single
 * inference otherwise; `hybrid` summarises the parts on several workers and merges what they say.
 */
import type { GraphTask } from '#shared/contracts/jobs/graph.ts'
import type { PlannerMode, SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import { readMaterial, type Material } from './material.ts'

export type Planned = Pick<SubmitJob, 'type' | 'input' | 'model' | 'installModelIfMissing'>

/** Parts of a split: a call for vectors takes 256 texts. */
const PARTS_MAX = 200
/** Of a text that is not given as documents: about a paragraph has a vector of its own. */
const PARAGRAPH_CHARACTERS = 1000
/** Parts that are summarised by themselves: so many, on as many workers, until they are long. */
const GROUPS = 8
const GROUPS_MAX = 64
const GROUP_CHARACTERS = { min: 200, max: 8000 }
const SUMMARY_TOKENS_MAX = 512
const ANSWER_TOKENS_MAX = 1024

export function planJob(job: Planned, mode: Exclude<PlannerMode, 'llm_planner'>): GraphTask[] {
  const material = readMaterial(job.input)
  const tasks = isAnalysis(job, material) ? analysis(material, mode) : [answer(material, job.input)]
  return withInstall(job, tasks)
}

function isAnalysis({ type }: Planned, { instruction, text }: Material): boolean {
  return type === 'batch_analysis' || /\banaly[sz]e\b/i.test(instruction ?? text ?? '')
}

function analysis(
  { instruction, documents, characters }: Material,
  mode: 'template' | 'hybrid'
): GraphTask[] {
  const asked = instruction ?? 'Analyze the following and summarise what it says.'
  const isTemplate = mode === 'template'
  const source = documents === null ? { text: ref('job.input') } : { items: ref(documents) }
  const split: GraphTask = {
    id: 'split',
    type: 'aggregation',
    input: {
      op: 'split',
      ...source,
      part_characters: isTemplate ? partCharacters(documents) : groupCharacters(characters),
      max_parts: isTemplate ? PARTS_MAX : GROUPS_MAX
    }
  }
  const embed: GraphTask = {
    id: 'embed',
    type: 'embedding',
    input: { input: ref('split.parts') },
    dependencies: ['split']
  }
  const read = (what: string): GraphTask => ({
    id: 'summarize',
    type: 'llm_inference',
    input: {
      prompt: { $concat: [asked, '\n\n', ref(what)] },
      max_tokens: SUMMARY_TOKENS_MAX
    },
    dependencies: ['split', 'embed']
  })
  if (isTemplate) return [split, embed, read('split.parts')]
  return [
    split,
    embed,
    { ...read('item'), map: ref('split.parts') },
    {
      id: 'aggregate',
      type: 'aggregation',
      input: { op: 'merge', items: ref('summarize') },
      dependencies: ['summarize']
    }
  ]
}

/** Each document is a part. */
const partCharacters = (documents: string | null): number =>
  documents === null ? PARAGRAPH_CHARACTERS : 1

function groupCharacters(characters: number): number {
  const { min, max } = GROUP_CHARACTERS
  return Math.min(max, Math.max(min, Math.ceil(characters / GROUPS)))
}

function answer({ messages, text, instruction, documents }: Material, input: unknown): GraphTask {
  const task = (asked: GraphTask['input']): GraphTask => ({
    id: 'answer',
    type: 'llm_inference',
    input: { ...asked, max_tokens: ANSWER_TOKENS_MAX }
  })
  if (messages !== null) return task({ messages: ref(messages) })
  if (instruction !== null && documents !== null) {
    return task({ prompt: { $concat: [instruction, '\n\n', ref(documents)] } })
  }
  if (text !== null || typeof input === 'object')
    return task({ prompt: { $concat: [ref('job.input')] } })
  throw new HaifError('VALIDATION_FAILED', 'input is missing: a job needs it, or tasks', {
    details: { param: 'input' }
  })
}

/** The model is fetched first. A worker that has it says so at once. */
function withInstall({ model, installModelIfMissing }: Planned, tasks: GraphTask[]): GraphTask[] {
  if (model === undefined || installModelIfMissing !== true) return tasks
  const install: GraphTask = { id: 'install', type: 'model_download', input: { model } }
  return [
    install,
    ...tasks.map((task) =>
      task.type === 'llm_inference'
        ? { ...task, dependencies: ['install', ...(task.dependencies ?? [])] }
        : task
    )
  ]
}

const ref = (path: string) => ({ $from: path })
