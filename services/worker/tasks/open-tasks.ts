/** The kinds of tasks that a worker takes, by what its owner allows and its machine can do. */
import { join } from 'node:path'
import { toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { Aggregation } from './aggregation/aggregation.ts'
import { Environments } from './function-run/environments.ts'
import { FunctionRun } from './function-run/function-run.ts'
import { findProgram, findRuntimes, namedPythons } from './function-run/runtimes.ts'
import { ModelDownload, type ModelDownloadDeps } from './model-download/model-download.ts'
import type { TaskConfig } from './task-config.ts'
import type { TaskDeskOptions } from './task-desk.ts'
import type { TaskKind } from './task-kind.ts'
import { findSandbox } from './tool-execution/find-sandbox.ts'
import type { Sandbox } from './tool-execution/sandbox.ts'
import { ToolExecution } from './tool-execution/tool-execution.ts'

const DAY_MS = 86_400_000

interface OpenTasksOptions {
  config: TaskConfig
  /** HAIF_HOME, which no tool may see. */
  home: string
  download: ModelDownloadDeps
  log: Logger
}

export async function openTasks(options: OpenTasksOptions): Promise<TaskDeskOptions> {
  const { config, home, download, log } = options
  const { places, region, allowTools, allowDownloads, allowFunctions, toolLimits } = config
  const kinds: TaskKind[] = [new Aggregation()]
  if (allowDownloads) kinds.push(new ModelDownload(download))
  if ((allowTools || allowFunctions) && places > 0) {
    try {
      const sandbox = await findSandbox(home)
      if (allowTools) kinds.push(new ToolExecution(sandbox, toolLimits))
      if (allowFunctions) kinds.push(await functionRun(options, sandbox))
    } catch (error) {
      // The worker is of use without them; nobody sends it a tool then.
      log.warn(toHaifError(error).message)
    }
  }
  return { kinds, places, ...(region === undefined ? {} : { region }) }
}

async function functionRun(
  { config, home, log }: OpenTasksOptions,
  sandbox: Sandbox
): Promise<FunctionRun> {
  const { functions, toolLimits } = config
  const { folder = join(home, 'functions'), publishers, pythons, installers } = functions
  return new FunctionRun({
    sandbox,
    allowed: toolLimits,
    publishers,
    runtimes: await findRuntimes([...pythons, ...namedPythons(home)]),
    environments: new Environments({
      folder,
      env: installers,
      uv: findProgram('uv', installers['PATH']),
      bytesMax: functions.environmentBytes,
      keepMs: functions.environmentDays * DAY_MS,
      busyMs: toolLimits.wallMs
    }),
    log
  })
}
