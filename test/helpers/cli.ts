/** The `haif` command as a person runs it: a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rootEnv } from './peers/mesh-root.ts'
import type { TestMesh } from './mesh/mesh.ts'
import { atEnd, type Scope } from './peers/peers.ts'
import { until } from './until.ts'
import { patience } from './deadline.ts'

/** A command that hangs fails its test. */
const RUN_MS_MAX = 30_000
const MAIN = fileURLToPath(new URL('../../cli/main.mjs', import.meta.url))

interface HaifOptions {
  env?: Record<string, string>
  /** What is piped in; nothing, and the pipe closed, unless given. Null: it stays open. */
  input?: string | null
  /** How long it may run. */
  runMsMax?: number
}

export interface HaifResult {
  /** Null when a signal ended it. */
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningHaif {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string }
  readonly result: Promise<HaifResult>
  /** Waits until it has written that; a failure tells what it has written instead. */
  says(text: string, quietMs?: number): Promise<void>
}

export async function runHaif(
  t: TestContext,
  args: readonly string[],
  options: HaifOptions = {}
): Promise<HaifResult> {
  return startHaif(t, args, options).result
}

export const startHaif = (
  t: TestContext,
  args: readonly string[],
  options: HaifOptions = {}
): RunningHaif => startProgram(t, MAIN, args, options)

/** A fresh HAIF_HOME unless `env` has one; whatever still runs ends with the test. */
export function startProgram(
  t: TestContext,
  program: string,
  args: readonly string[],
  { env = {}, cwd, input = '', runMsMax = patience(RUN_MS_MAX) }: HaifOptions & { cwd?: string }
): RunningHaif {
  const { HAIF_HOME = temporaryHome(t), ...rest } = env
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HAIF_HOME, ...rest },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: runMsMax,
    killSignal: 'SIGKILL'
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  child.stdin.on('error', () => {}) // it may end without having read everything
  if (input !== null) child.stdin.end(input)
  const { promise: result, resolve } = Promise.withResolvers<HaifResult>()
  child.on('close', (code) => resolve({ code, ...output }))
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await result
  })
  const says = async (text: string, quietMs?: number) => {
    const said = () => output.stdout.includes(text) || output.stderr.includes(text)
    await until(
      () => said() || child.exitCode !== null || child.signalCode !== null,
      quietMs
    ).catch((cause: unknown) => {
      throw new Error(`still without "${text}": ${output.stdout}${output.stderr}`, { cause })
    })
    if (!said()) await result // what it wrote last may still be in the pipe
    if (!said()) throw new Error(`ended without "${text}": ${output.stdout}${output.stderr}`)
  }
  return { child, output, result, says }
}

/** What makes the command use a mesh of the test. */
export const meshEnv = ({ topicKey }: TestMesh): Record<string, string> => rootEnv(topicKey)

export function temporaryHome(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'haif-'))
  atEnd(t, async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
