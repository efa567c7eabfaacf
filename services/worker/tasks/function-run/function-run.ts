/** The task `function`: one call of a function of a bundle, in a process in a sandbox. */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { Compile } from '#shared/validator.ts'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { FunctionTask } from '#shared/contracts/functions/function-task.ts'
import { CallFunction } from '#shared/contracts/functions/run-rights.ts'
import type { TaskArtifact, TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { fileBytes } from '#shared/functions/open-bundle.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { Logger } from '#shared/process/log.ts'
import { check } from '#shared/rpc/check.ts'
import { ItemQueue } from '../item-queue.ts'
import { isArtifactUri, type RunRights, type TaskContext, type TaskKind } from '../task-kind.ts'
import type { Sandbox } from '../tool-execution/sandbox.ts'
import { limitsFor, type ToolLimits } from '../tool-execution/tool-limits.ts'
import { OwnEnvironmentDesk } from './environment-desk.ts'
import type { Environment, Environments } from './environments.ts'
import { FunctionProcess, VALUE_BYTES_MAX, type Launch } from './function-process.ts'
import { byteForms, formsOf, redacted, redactedBytes } from './redactor.ts'
import { OpenedBundles } from './opened-bundles.ts'
import { runtimeFor, type Runtime } from './runtimes.ts'
import { WarmProcesses } from './warm-processes.ts'

interface FunctionRunDeps {
  sandbox: Sandbox
  allowed: ToolLimits
  runtimes: readonly Runtime[]
  environments: Environments
  /** Keys of those whose functions may run here; empty: everybody's. */
  publishers?: readonly string[]
  /** Null: each run has a process of its own, whatever a library says. */
  warm?: WarmProcesses | null
  log: Logger
}

const validator = Compile(FunctionTask)
const calls = Compile(CallFunction)
const HARNESS = {
  python: { path: '/haif/harness.py', file: 'harness.py' },
  node: { path: '/haif/harness.mjs', file: 'harness.mjs' }
} as const
const WHEELS = 'wheels/'
/** Of a value that goes with the result; a larger one is an artifact. */
const INLINE_BYTES_MAX = 1 << 20
const MIB = 1 << 20
const RESULT = 'result.json'
const FILES_MAX = 30
const NAME_MAX = 90

export class FunctionRun implements TaskKind {
  readonly type = 'function'
  readonly #deps: FunctionRunDeps
  readonly #bundles: OpenedBundles
  readonly #warm: WarmProcesses | null
  readonly environments: OwnEnvironmentDesk

  constructor(deps: FunctionRunDeps) {
    this.#deps = deps
    this.#bundles = new OpenedBundles(deps.publishers)
    this.environments = new OwnEnvironmentDesk(deps.environments, deps.runtimes, deps.log)
    this.#warm = deps.warm === undefined ? new WarmProcesses() : deps.warm
  }

  async *run(given: unknown, context: TaskContext): AsyncGenerator<TaskItem, TaskResult, void> {
    const task = check(validator, given, 'input')
    const queue = new ItemQueue()
    return yield* queue.until(this.#call(task, queue, context))
  }

  async stop(): Promise<void> {
    this.environments.stop()
    await this.#warm?.stop()
  }

  async #call(task: FunctionTask, queue: ItemQueue, context: TaskContext): Promise<TaskResult> {
    const { artifacts, rights = NO_RIGHTS, signal } = context
    const limits = limitsFor(asked(task), this.#deps.allowed)
    const bundle = await this.#bundles.open(task, artifacts)
    const args = await withArtifacts(task.arguments, context)
    const left = new LeftFiles(artifacts)
    // Before there is a process that would have to be ended.
    const secrets = task.secrets === undefined ? [] : await rights.secrets()
    const started = await this.#process(task, bundle, { limits, queue, signal })
    const values = secrets.map(({ value }) => value)
    const [forms, inBytes] = [formsOf(values), byteForms(values)]
    const given = Object.fromEntries(secrets.map(({ name, value }) => [name, value]))
    const outcome = await started
      .run(
        { arguments: args, ...(secrets.length === 0 ? {} : { secrets: given }) },
        {
          signal,
          onText: (text) => queue.add({ text }),
          onFile: (name, body) => left.take(redacted(name, forms), redactedBytes(body, inBytes)),
          onCall: (wish) => answered(wish, rights)
        }
      )
      .catch((error: unknown) => {
        throw withoutSecrets(error, forms)
      })
    const key = warmKey(task)
    if (key !== null && this.#warm !== null) this.#warm.put(key, started)
    else started.kill()
    const { value: said, stdout, stderr, wallMs, cpuMs, memoryBytesMax } = outcome
    const json = forms.length === 0 ? said : Buffer.from(redacted(said.toString(), forms))
    const value = await this.#kept(json, left, artifacts)
    const used = { wall_ms: wallMs, cpu_ms: cpuMs, memory_bytes: memoryBytesMax }
    return { output: { value, stdout, stderr, used }, artifacts: left.all }
  }

  async #kept(json: Buffer, left: LeftFiles, artifacts: TaskContext['artifacts']) {
    if (json.length <= INLINE_BYTES_MAX) return valueOf(json)
    left.all.push(await artifacts.keep(RESULT, Readable.from([json]), 'application/json'))
    return { $artifact: RESULT }
  }

  async #process(
    task: FunctionTask,
    bundle: FunctionBundle,
    how: { limits: ToolLimits; queue: ItemQueue; signal: AbortSignal }
  ): Promise<FunctionProcess> {
    const key = warmKey(task)
    const waiting = key === null ? null : (this.#warm?.take(key) ?? null)
    if (waiting !== null) return waiting
    const runtime = runtimeFor(this.#deps.runtimes, bundle)
    const onNote = (note: string) => how.queue.add({ note })
    const environment = await this.#deps.environments.ready(bundle, runtime, onNote, how.signal)
    const launch = launchOf(bundle, runtime, environment, how.limits)
    return new FunctionProcess(this.#deps.sandbox, launch, how.limits)
  }
}

const mayNot = (): Promise<never> =>
  Promise.reject(new HaifError('FORBIDDEN', 'this run may ask for nothing'))
const NO_RIGHTS: RunRights = { secrets: mayNot, call: mayNot }

/** Failures are the callee's, and go to the function, which may go on. */
async function answered(wish: Buffer, rights: RunRights): Promise<object> {
  try {
    const { status, value, error } = await rights.call(
      check(calls, parseJson(wish.toString()), 'call')
    )
    if (status === 'Completed') return { value: value ?? null }
    return { error: error ?? { code: 'FUNCTION_FAILED', message: `the run is ${status}` } }
  } catch (error) {
    const { code, message } = toHaifError(error)
    return { error: { code, message } }
  }
}

function withoutSecrets(error: unknown, forms: readonly string[]): unknown {
  if (forms.length === 0 || !(error instanceof HaifError)) return error
  const { code, message, details } = error
  return new HaifError(code, redacted(message, forms), details === undefined ? {} : { details })
}

/** A process has the limits that it was started with. */
const warmKey = ({ warm, limits = {} }: FunctionTask): string | null =>
  warm === undefined ? null : JSON.stringify([warm, limits.memoryBytes, limits.wallMs])

const asked = ({ limits = {} }: FunctionTask): Partial<ToolLimits> =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))

function launchOf(
  bundle: FunctionBundle,
  runtime: Runtime,
  environment: Environment,
  { memoryBytes }: ToolLimits
): Launch {
  const { runtime: kind, module, entry } = bundle
  const harness = HARNESS[kind]
  const files = Object.entries(bundle.files).filter(([path]) => !path.startsWith(WHEELS))
  const options =
    kind === 'python'
      ? ['-I', '-B', harness.path]
      : [`--max-old-space-size=${Math.ceil(memoryBytes / MIB)}`, harness.path]
  return {
    command: [environment.program ?? runtime.path, ...options, module, entry],
    environment: {},
    reserves: kind === 'node',
    mounts: [...runtime.needs.map((path) => ({ from: path, to: path })), ...environment.mounts],
    files: [
      { path: harness.path, bytes: readFileSync(new URL(harness.file, import.meta.url)) },
      ...files.map(([path, body]) => ({ path: `/bundle/${path}`, bytes: fileBytes(body) }))
    ]
  }
}

function valueOf(json: Buffer): unknown {
  try {
    return parseJson(json.toString('utf8'))
  } catch (cause) {
    throw new HaifError('FUNCTION_FAILED', 'the function wrote into the pipe of its result', {
      cause
    })
  }
}

/** An argument that another function has left as an artifact comes from there. */
async function withArtifacts(
  given: FunctionTask['arguments'],
  { artifacts }: TaskContext
): Promise<Record<string, unknown>> {
  const entries = Object.entries(given).map(async ([name, value]) => {
    const uri = artifactIn(value)
    if (uri === null) return [name, value] as const
    const bytes = await artifacts.read(uri, VALUE_BYTES_MAX)
    return [name, parseJson(bytes.toString('utf8'))] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function artifactIn(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('$artifact' in value)) return null
  return isArtifactUri(value.$artifact) ? value.$artifact : null
}

/** The files that a function leaves, under names that are safe wherever they go. */
class LeftFiles {
  readonly #artifacts: TaskContext['artifacts']
  /** At most `FILES_MAX`, and the result. */
  readonly all: TaskArtifact[] = []

  constructor(artifacts: TaskContext['artifacts']) {
    this.#artifacts = artifacts
  }

  async take(path: string, body: AsyncIterable<Buffer>): Promise<void> {
    if (this.all.length >= FILES_MAX) {
      throw new HaifError('FUNCTION_FAILED', `the function left more than ${FILES_MAX} files`)
    }
    const safe = path.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-NAME_MAX)
    const name = /^\.{0,2}$/.test(safe) ? '_' : safe
    const isTaken = name === RESULT || this.all.some((each) => each.name === name)
    this.all.push(await this.#artifacts.keep(isTaken ? `${this.all.length}-${name}` : name, body))
  }
}
