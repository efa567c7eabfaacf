/** The kinds of tasks that a worker takes, by what its owner allows and its machine can do. */
import { toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { Aggregation } from './aggregation/aggregation.ts'
import { ModelDownload, type ModelDownloadDeps } from './model-download/model-download.ts'
import type { TaskConfig } from './task-config.ts'
import type { TaskDeskOptions } from './task-desk.ts'
import type { TaskKind } from './task-kind.ts'
import { findSandbox } from './tool-execution/find-sandbox.ts'
import { ToolExecution } from './tool-execution/tool-execution.ts'

interface OpenTasksOptions {
  config: TaskConfig
  /** HAIF_HOME, which no tool may see. */
  home: string
  download: ModelDownloadDeps
  log: Logger
}

export async function openTasks(options: OpenTasksOptions): Promise<TaskDeskOptions> {
  const { config, home, download, log } = options
  const { places, region, allowTools, allowDownloads, toolLimits } = config
  const kinds: TaskKind[] = [new Aggregation()]
  if (allowDownloads) kinds.push(new ModelDownload(download))
  if (allowTools && places > 0) {
    try {
      kinds.push(new ToolExecution(await findSandbox(home), toolLimits))
    } catch (error) {
      // The worker is of use without them; nobody sends it a tool then.
      log.warn(toHaifError(error).message)
    }
  }
  return { kinds, places, ...(region === undefined ? {} : { region }) }
}
