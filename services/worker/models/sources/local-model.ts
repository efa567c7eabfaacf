/**
 * A model that was downloaded, as files of this machine. The SHA-256 of each is recorded beside it
 * as `<file>.sha256` (`sha256sum -c` reads it) and compared with the file at each load: damaged
 * weights would load without any error.
 */
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { partsOf } from '../split-files.ts'

/** A model of the hub as files of this machine. */
export interface LocalModel {
  /** The file to load. */
  entry: string
  /** All files of the model, with the SHA-256 recorded for each. */
  files: { path: string; digest: string }[]
}

export async function writeRecord(path: string, digest: string): Promise<void> {
  await writeFile(`${path}.sha256`, `${digest}  ${basename(path)}\n`)
}

/** The time of its record says when a file was last loaded. */
export async function noteUse(path: string): Promise<void> {
  const now = new Date()
  // On a read-only disk it is loaded all the same.
  await utimes(`${path}.sha256`, now, now).catch(() => {})
}

/** Null when there is no readable record. */
export async function readRecord(path: string): Promise<string | null> {
  const text = await readFile(`${path}.sha256`, 'utf8').catch(() => '')
  return /^[0-9a-f]{64}(?=\s)/.exec(text)?.[0] ?? null
}

/** Null unless every file of the model has its name and its record. */
export async function findModel(folder: string, name: string): Promise<LocalModel | null> {
  const present = new Set(await readdir(folder).catch(() => []))
  const entry = [...present].find(
    (file) =>
      file === `${name}.gguf` || (file.startsWith(`${name}-00001-of-`) && file.endsWith('.gguf'))
  )
  if (entry === undefined) return null
  const paths = partsOf(join(folder, entry))
  const digests = await Promise.all(paths.map((path) => readRecord(path)))
  const files = paths.flatMap((path, i) => {
    const digest = digests[i] ?? null
    return digest === null || !present.has(basename(path)) ? [] : [{ path, digest }]
  })
  return files.length === paths.length ? { entry: paths[0]!, files } : null
}
