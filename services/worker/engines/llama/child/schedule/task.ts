/** One request in the scheduler: how far its prompt and its answer are, and its end. */
import type { GenerateEnd } from '../../../engine.ts'
import { Answer } from '../answer/answer.ts'
import type { Drawing } from '../driver.ts'
import type { Job } from '../job.ts'
import type { Token } from '../vocabulary.ts'
import { PromptScores } from './prompt-scores.ts'

export interface Task {
  job: Job
  answer: Answer
  /** Tokens by which the answer may grow before its reader has to take some. */
  credit: number
  cancelled: boolean
  arrivedAt: number
  startedAt: number
  firstTokenAt: number
  /** Prompt tokens that were found in the slot's cache. */
  reusedTokens: number
  /** Prompt tokens not yet computed; null before the cache has been looked at. */
  rest: Token[] | null
  /** Null until the last piece of the prompt is read. */
  drawing: Drawing | null
  /** Null where nothing of the prompt is to be told. */
  scores: PromptScores | null
}

/** A prompt, and whose caches may serve it; none where the logits of all its tokens are wanted. */
export interface ScopedPrompt {
  tokens: Token[]
  cacheScope: string
  isReadWhole: boolean
}

/** A task that waits for a slot; its answer begins where the one that it resumes broke off. */
export function newTask(job: Job, credit: number, now: number): Task {
  const answer = new Answer(job.limits)
  for (const token of job.resumeTokens) {
    if (answer.finishReason === null) answer.replay(token)
  }
  answer.takeReasoning() // sent already
  answer.takeToolCalls()
  const { scores } = job
  return {
    job,
    answer,
    credit,
    cancelled: false,
    arrivedAt: now,
    startedAt: 0,
    firstTokenAt: 0,
    reusedTokens: 0,
    rest: null,
    drawing: null,
    scores: scores === undefined ? null : new PromptScores(job.limits.promptTokens, scores)
  }
}

/** Everything that must be in the slot's cache before the next token can be drawn. */
function contextOf({ job }: Task): Token[] {
  return [...job.limits.promptTokens, ...job.resumeTokens]
}

/** The same, with whose caches may serve it. */
export const scopedPrompt = (task: Task): ScopedPrompt => ({
  tokens: contextOf(task),
  cacheScope: task.job.cacheScope ?? '',
  isReadWhole: task.scores !== null
})

/** The end of an answer, with its usage and timings, for the caller. */
export function endOf(task: Task, now: number): GenerateEnd {
  const firstTokenAt = task.firstTokenAt || now
  const { promptTokens, begunTokens = 0 } = task.job.limits
  const { stopText } = task.answer
  return {
    finishReason: task.answer.finishReason ?? 'stop',
    ...(stopText === null ? {} : { stopText }),
    usage: {
      promptTokens: promptTokens.length + begunTokens,
      cachedPromptTokens: task.reusedTokens,
      completionTokens: countedTokens(task),
      ...(task.answer.reasoningTokens === 0 ? {} : { reasoningTokens: task.answer.reasoningTokens })
    },
    timings: {
      queueMs: round(task.startedAt - task.arrivedAt),
      prefillMs: round(firstTokenAt - task.startedAt),
      decodeMs: round(now - firstTokenAt)
    }
  }
}

function countedTokens({ job, answer }: Task): number {
  const { resumeTokens, resumeCount = resumeTokens.length } = job
  return answer.tokens.length - resumeTokens.length + resumeCount
}

const round = (ms: number): number => Math.round(ms * 100) / 100
