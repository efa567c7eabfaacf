/**
 * Says that the disk under HAIF_HOME is full before something that needs room fails: a journal that
 * has its room already goes on for a while, and the next start would not.
 */
import { statfs } from 'node:fs/promises'
import { HaifError } from '#shared/errors.ts'
import { Outage } from '#shared/kit/outage.ts'
import type { Health, Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import { diskTrouble } from '#shared/trouble/disk.ts'
import { sentenceOf } from '#shared/trouble/trouble.ts'

const LOOK_MS = 1000
/** With less nothing can be begun: a database takes its room in megabytes. */
const ROOM_BYTES_MIN = 1 << 20

export class HomeDisk implements Service {
  readonly #folder: string
  readonly #outage: Outage
  #timer: NodeJS.Timeout | undefined
  #isLooking = false

  constructor({ folder, log }: { folder: string; log: Logger }) {
    this.#folder = folder
    this.#outage = new Outage(log, {
      begins: 'the disk of this machine is full, and HAIF serves on',
      ends: 'the disk of this machine has room again'
    })
  }

  health(): Health {
    const { warning } = this.#outage
    return { ready: true, warnings: warning === null ? [] : [warning] }
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
  }

  /** One look at a time: a disk may also hang. */
  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const { blocks, bavail, bsize } = await statfs(this.#folder)
      // Some file systems do not say how large they are.
      if (blocks > 0 && bavail * bsize < ROOM_BYTES_MIN) this.#outage.failed(full(this.#folder))
      else this.#outage.worked()
    } catch {
      // Whatever needs the folder says what is wrong with it.
    } finally {
      this.#isLooking = false
    }
  }
}

function full(folder: string): HaifError {
  const cause = Object.assign(new Error('less than 1 MB is free'), { code: 'ENOSPC' })
  const trouble = diskTrouble(cause)!
  const details = { trouble: trouble.kind }
  return new HaifError('DISK_UNUSABLE', sentenceOf(folder, trouble, cause), { details })
}
