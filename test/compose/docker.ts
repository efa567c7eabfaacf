/** `docker compose` on a clone of the repository, under a project name of its own. */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

export interface Container {
  Service: string
  Name: string
  State: string
  Health: string
}

interface ComposeService {
  image: string
  build?: unknown
  /** Bytes, as text. */
  mem_limit: string
}

export class Compose {
  readonly #folder: string
  readonly #env: Record<string, string>

  constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder
    this.#env = env
  }

  async run(...args: string[]): Promise<string> {
    const { stdout } = await run('docker', ['compose', ...args], {
      cwd: this.#folder,
      env: { ...process.env, ...this.#env },
      maxBuffer: OUTPUT_BYTES_MAX
    })
    return stdout.trim()
  }

  /** The file as compose understands it, with every variable in its place. */
  async config(): Promise<{ services: Record<string, ComposeService> }> {
    return JSON.parse(await this.run('config', '--format', 'json')) as never
  }

  async containers(): Promise<Container[]> {
    const lines = await this.run('ps', '-a', '--format', 'json')
    return lines
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Container)
  }
}

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: OUTPUT_BYTES_MAX })
  return stdout.trim()
}

export async function hasImage(name: string): Promise<boolean> {
  return docker('image', 'inspect', name).then(
    () => true,
    () => false
  )
}

/** Whether a Docker engine and the compose plugin answer here. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' })
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
