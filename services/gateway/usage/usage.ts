/** The books of a gateway: a spool on the disk of this machine, and the database behind it. */
import { join } from 'node:path'
import type { Home } from '#shared/main/home.ts'
import type { Logger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { SpoolClient } from './spool-client.ts'
import { UsageWriter } from './usage-writer.ts'

interface UsageOptions {
  store: Store
  home: Home
  usageSpoolMax: number
  log: Logger
}

export function createUsage({ store, home, usageSpoolMax, log }: UsageOptions): UsageWriter {
  const spool = new SpoolClient(join(home.state, 'usage.sqlite'), usageSpoolMax)
  return new UsageWriter({ store, spool, log })
}
