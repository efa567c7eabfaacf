/** The task `tool_execution`: a command in a sandbox, whose files in `out/` become artifacts. */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { TaskArtifact, TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import { check } from '#shared/rpc/check.ts'
import { ItemQueue } from '../item-queue.ts'
import { isArtifactUri, type TaskContext, type TaskKind } from '../task-kind.ts'
import { runInSandbox, type ToolOutcome } from './run-in-sandbox.ts'
import type { Sandbox } from './sandbox.ts'
import type { PackedFile, UnpackedFile } from './tar.ts'
import { limitsFor, type ToolLimits } from './tool-limits.ts'

const ARGUMENTS_MAX = 256
const ARGUMENT_MAX = 65_536
const FILES_MAX = 256
/** Of one result, which may have a few of its own. */
const LEFT_MAX = 30
const LAST_WORDS = 400
/** The bridge takes at most 100 characters in a part of a path. */
const NAME_MAX = 90
const Amount = Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
/** No NUL, which ends a text for the kernel. */
const Text = Type.String({ maxLength: ARGUMENT_MAX, pattern: '^[^\\u0000]*$' })
const SEGMENT = '(?!\\.{1,2}(/|$))[A-Za-z0-9._-]+'
const FILE_NAME = `^(?=.{1,96}$)${SEGMENT}(/${SEGMENT})*$`

const ToolInput = Type.Object({
  /** The program and its arguments; no shell looks at them unless the program is one. */
  command: Type.Array(Text, { minItems: 1, maxItems: ARGUMENTS_MAX }),
  stdin: Type.Optional(Type.String()),
  /** By name, in `in/`: texts, artifacts, or values, which are written as JSON. */
  files: Type.Optional(
    Type.Record(Type.String({ pattern: FILE_NAME }), Type.Unknown(), {
      maxProperties: FILES_MAX,
      additionalProperties: false
    })
  ),
  environment: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' }), Text, {
      maxProperties: 64,
      additionalProperties: false
    })
  ),
  /** The files in `out/` that count; one that is missing fails the task. Absent: all of them. */
  outputs: Type.Optional(Type.Array(Type.String({ pattern: FILE_NAME }), { maxItems: LEFT_MAX })),
  limits: Type.Optional(
    Type.Object({
      memory_bytes: Amount,
      cpu_ms: Amount,
      wall_ms: Amount,
      output_bytes: Amount,
      scratch_bytes: Amount,
      processes: Amount
    })
  )
})
type ToolInput = Static<typeof ToolInput>
const validator = Compile(ToolInput)

interface LeftFile extends TaskArtifact {
  /** As the tool named it, below `out/`. */
  path: string
}

export class ToolExecution implements TaskKind {
  readonly type = 'tool_execution'
  readonly #sandbox: Sandbox
  readonly #allowed: ToolLimits

  constructor(sandbox: Sandbox, allowed: ToolLimits) {
    this.#sandbox = sandbox
    this.#allowed = allowed
  }

  async *run(given: unknown, context: TaskContext): AsyncGenerator<TaskItem, TaskResult, void> {
    const input = check(validator, given, 'input')
    const limits = limitsFor(askedLimits(input), this.#allowed)
    const files = await filesOf(input, limits.scratchBytes, context)
    const queue = new ItemQueue()
    const left = new LeftFiles(input.outputs, context)
    const { command, stdin = '', environment = {} } = input
    const work = runInSandbox(
      this.#sandbox,
      { command, stdin, environment, files, limits },
      {
        signal: context.signal,
        onOutput: (_, text) => queue.add({ text }),
        onFile: (file) => left.take(file)
      }
    )
    const outcome = yield* queue.until(work)
    assertSuccess(command[0]!, outcome)
    return { output: outputOf(outcome, left.all()), artifacts: left.all().map(artifactOf) }
  }
}

/** The files that a tool leaves, under names that are safe wherever they go. */
class LeftFiles {
  readonly #wanted: readonly string[] | undefined
  readonly #context: TaskContext
  readonly #kept = new Map<string, LeftFile>()

  constructor(wanted: readonly string[] | undefined, context: TaskContext) {
    this.#wanted = wanted
    this.#context = context
  }

  async take({ name: path, body }: UnpackedFile): Promise<void> {
    if (this.#wanted?.includes(path) === false) {
      for await (const _ of body);
      return
    }
    if (this.#kept.size === LEFT_MAX) {
      throw new HaifError('TOOL_FAILED', `the tool left more than ${LEFT_MAX} files in out/`)
    }
    const name = this.#freeName(path)
    const artifact = await this.#context.artifacts.keep(name, body)
    this.#kept.set(name, { ...artifact, path })
  }

  /** Throws TOOL_FAILED where one that is wanted is missing. */
  all(): LeftFile[] {
    const left = [...this.#kept.values()]
    for (const wanted of this.#wanted ?? []) {
      if (left.some(({ path }) => path === wanted)) continue
      throw new HaifError('TOOL_FAILED', `the tool did not leave out/${wanted}`)
    }
    return left
  }

  #freeName(path: string): string {
    const safe = path.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-NAME_MAX)
    const name = /^\.{1,2}$/.test(safe) || safe === '' ? '_' : safe
    if (!this.#kept.has(name)) return name
    for (let number = 2; ; number++) {
      if (!this.#kept.has(`${number}-${name}`)) return `${number}-${name}`
    }
  }
}

const artifactOf = ({ path: _, ...artifact }: LeftFile): TaskArtifact => artifact

async function filesOf(
  { files = {} }: ToolInput,
  bytesMax: number,
  { artifacts }: TaskContext
): Promise<PackedFile[]> {
  const packed: PackedFile[] = []
  let room = bytesMax
  for (const [name, value] of Object.entries(files)) {
    const bytes = isArtifactUri(value) ? await artifacts.read(value, room) : bytesOf(value)
    room -= bytes.length
    if (room < 0) {
      const message = `the files of the tool have more than the ${bytesMax} bytes of its folder`
      throw new HaifError('BODY_TOO_LARGE', message)
    }
    packed.push({ name, bytes })
  }
  return packed
}

const bytesOf = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'))

function askedLimits({ limits = {} }: ToolInput): Partial<ToolLimits> {
  const named = {
    memoryBytes: limits.memory_bytes,
    cpuMs: limits.cpu_ms,
    wallMs: limits.wall_ms,
    outputBytes: limits.output_bytes,
    scratchBytes: limits.scratch_bytes,
    processes: limits.processes
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
}

function assertSuccess(program: string, { exitCode, stderr, stdout }: ToolOutcome): void {
  if (exitCode === 0) return
  const words = (stderr.trim() === '' ? stdout : stderr).trim().slice(-LAST_WORDS)
  const said = words === '' ? '' : `: ${words}`
  throw new HaifError('TOOL_FAILED', `${program} ended with exit code ${exitCode}${said}`, {
    details: { exitCode }
  })
}

function outputOf(outcome: ToolOutcome, left: readonly LeftFile[]): object {
  const { stdout, stderr, exitCode, wallMs, cpuMs, memoryBytesMax } = outcome
  return {
    text: stdout,
    stdout,
    stderr,
    exit_code: exitCode,
    json: jsonIn(stdout),
    files: left.map(({ name, path, bytes, sha256 }) => ({ name, path, bytes, sha256 })),
    used: { wall_ms: wallMs, cpu_ms: cpuMs, memory_bytes: memoryBytesMax }
  }
}

/** Null where the text is no JSON. */
function jsonIn(text: string): unknown {
  if (!/^\s*[[{"\d-]|^\s*(true|false|null)\s*$/.test(text)) return null
  try {
    return parseJson(text)
  } catch {
    return null
  }
}
