/**
 * Looks at this machine and at model files through a child process, which a bad header may take
 * down.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { deviceEnv, type GpuSetting } from './gpu-device.ts'
import type { InspectAnswer, InspectedModel, Inspection, InspectOptions } from '../inspection.ts'

const INSPECT_MS_MAX = 60_000

export async function inspect(
  setting: GpuSetting,
  model?: InspectOptions['model']
): Promise<Inspection> {
  const child = fork(CHILD, [], {
    env: deviceEnv(setting),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })
  const { promise, resolve, reject } = Promise.withResolvers<InspectAnswer>()
  child.on('message', (message: InspectAnswer) => resolve(message))
  child.on('error', reject)
  child.on('exit', (code, signal) => {
    reject(new Error(`the process that looked at it died (${signal ?? `exit code ${code}`})`))
  })
  const timer = setTimeout(() => reject(new Error('it took too long to read')), INSPECT_MS_MAX)
  const options: InspectOptions = { gpu: setting.gpu ?? 'auto' }
  child.send(model === undefined ? options : { ...options, model }, () => {}) // see 'exit'
  try {
    const answer = await promise
    if ('found' in answer) return answer.found
    throw new Error(answer.reason)
  } finally {
    clearTimeout(timer)
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
  const { model } = await inspect(setting, wanted)
  assert(model !== undefined)
  inspected.set(key, model)
  return model
}

const CHILD = fileURLToPath(new URL('../child/inspect-child.ts', import.meta.url))
