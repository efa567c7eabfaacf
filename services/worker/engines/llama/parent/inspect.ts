/**
 * Looks at this machine and at model files through a child process, which a bad header may take
 * down.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { ProgressLimit } from '#shared/kit/progress-limit.ts'
import { deviceEnv, type GpuSetting } from './gpu/gpu-setting.ts'
import { LogTail } from '../../log-tail.ts'
import type { InspectAnswer, InspectedModel, Inspection, InspectOptions } from '../inspection.ts'

const INSPECT_MS_MAX = 60_000
const LOOK_MS = 500

interface InspectWishes extends Pick<InspectOptions, 'model' | 'tryModel'> {
  /** Grows while the process gets on with something that takes long; the limit begins anew then. */
  progress?: () => number
}

export class InspectFailed extends Error {
  /** What the library wrote, from which the reason may be read. */
  readonly log: string
  /** It did not come to its end, which says nothing of the file. */
  readonly isLate: boolean

  constructor(message: string, log: string, isLate = false) {
    super(message)
    this.log = log
    this.isLate = isLate
  }
}

/** Rejects with `InspectFailed`. */
export async function inspect(
  setting: GpuSetting,
  { progress = () => 0, ...wishes }: InspectWishes = {}
): Promise<Inspection> {
  const child = fork(CHILD, [], {
    env: deviceEnv(setting),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  const tail = new LogTail()
  tail.read(child.stderr!)
  const { promise, resolve, reject } = Promise.withResolvers<InspectAnswer>()
  child.on('message', (message: InspectAnswer) => resolve(message))
  child.on('error', reject)
  const failed = async (reason: string, isLate = false) => {
    const words = await tail.reason()
    const all = words === null ? reason : `${reason}: ${words}`
    reject(new InspectFailed(all, `${reason}\n${await tail.text()}`, isLate))
  }
  child.on('exit', (code, signal) => {
    void failed(`the process that looked at it died (${signal ?? `exit code ${code}`})`)
  })
  const limit = new ProgressLimit(INSPECT_MS_MAX, progress)
  const timer = setInterval(() => {
    if (limit.isOver(performance.now())) void failed('it took too long to read', true)
  }, LOOK_MS)
  const options: InspectOptions = { gpu: setting.gpu ?? 'auto', ...wishes }
  child.send(options, () => {}) // see 'exit'
  try {
    const answer = await promise
    if ('found' in answer) return answer.found
    throw new InspectFailed(answer.reason, `${answer.reason}\n${await tail.text()}`)
  } finally {
    clearInterval(timer)
    child.kill('SIGKILL')
  }
}

/** Files that have been looked at; the oldest are forgotten. */
const INSPECTED_MAX = 64
const inspected = new BoundedMap<string, InspectedModel>(INSPECTED_MAX)

/** The same file on the same devices is looked at once. */
export async function inspectModel(
  wanted: NonNullable<InspectOptions['model']>,
  digest: string,
  setting: GpuSetting
): Promise<InspectedModel> {
  const { path: _, ...choices } = wanted
  const key = JSON.stringify([digest, choices, setting])
  const known = inspected.get(key)
  if (known !== undefined) return known
  const { model } = await inspect(setting, { model: wanted })
  assert(model !== undefined)
  inspected.set(key, model)
  return model
}

const CHILD = fileURLToPath(new URL('../child/inspect-child.ts', import.meta.url))
