/** Writes the file that keeps HAIF running on this machine, and tells systemd or launchd of it. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import type { Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { serviceFile, type KeptCommand, type ServiceFile } from './service-files.ts'

export function ownServiceFile(
  command: KeptCommand,
  args: readonly string[],
  env: Environment
): ServiceFile {
  const service = {
    command,
    args,
    node: process.execPath,
    program: process.argv[1] ?? join(import.meta.dirname, '../haif.mjs'),
    home: new Home(env).folder,
    userHome: homedir()
  }
  return serviceFile(process.platform, service, process.getuid?.() ?? 0)
}

/** Returns lines for whoever installs it. */
export function install({ path, text, start, hint }: ServiceFile): string[] {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o600 })
  const failed = start.find((words) => !runs(words))
  if (failed === undefined) return [`it runs, and will after each login: ${path}`, hint]
  return [
    `${path} is written, and could not be started from here. Start it with:`,
    ...start.map((words) => `  ${words.join(' ')}`),
    hint
  ]
}

export function uninstall({ path, stop }: ServiceFile): string[] {
  if (!existsSync(path)) throw new HaifError('NOT_FOUND', `there is no ${path}`)
  const hasStopped = stop.every(runs)
  rmSync(path)
  const left = hasStopped ? [] : ['it could not be stopped from here; it ends with your session']
  return [`${path} is removed; HAIF_HOME and what it holds stay`, ...left]
}

function runs([command = '', ...args]: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  return error === undefined && status === 0
}
