/** What a type of task is to the worker: a function from its input to its result. */
import type { EnvironmentAct, OwnEnvironments } from '#shared/contracts/functions/environments.ts'
import type { Called, CallFunction, OpenedSecrets } from '#shared/contracts/functions/run-rights.ts'
import type { TaskType } from '#shared/contracts/jobs/graph.ts'
import type { TaskArtifact, TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'

/** The artifacts that a task was given, and those that it makes. */
export interface TaskArtifacts {
  /** The bytes of an artifact that the input of the task names; from here or from elsewhere. */
  read(uri: string, bytesMax: number): Promise<Buffer>
  /** Keeps the bytes on this machine. */
  keep(name: string, body: AsyncIterable<Uint8Array>, mediaType?: string): Promise<TaskArtifact>
}

/** What the run of a function may ask for while it runs. */
export interface RunRights {
  secrets(): Promise<OpenedSecrets['secrets']>
  call(wish: CallFunction): Promise<Called>
}

export interface TaskContext {
  signal: AbortSignal
  artifacts: TaskArtifacts
  /** Absent: it may ask for nothing. */
  rights?: RunRights
}

export interface TaskKind {
  readonly type: TaskType
  /** `input`: as it came, unchecked. */
  run(input: unknown, context: TaskContext): AsyncGenerator<TaskItem, TaskResult, void>
  /** What it keeps between two runs ends; nothing of it runs any more. */
  stop?(): Promise<void>
  /** The environments of functions, where it runs them. */
  readonly environments?: EnvironmentDesk
}

export interface EnvironmentDesk {
  view(): OwnEnvironments
  /** Throws NOT_FOUND. */
  obey(act: EnvironmentAct): Promise<void>
  /** Packages that are built here. */
  built(): string[]
  /** Called when these are others. */
  onChange(changed: () => void): void
}

export const isArtifactUri = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith('artifact://')
