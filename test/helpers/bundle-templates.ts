/**
 * The chat templates of real models, out of the copy of llama.cpp's repository that comes with
 * `node-llama-cpp`. They are extracted once into the system's folder for temporary files.
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LIBRARY = fileURLToPath(new URL('../../node_modules/node-llama-cpp/llama/', import.meta.url))
const IN_BUNDLE = 'models/templates'

/** The text of each template by its name, such as `Qwen-Qwen3-0.6B`. */
export function bundleTemplates(): ReadonlyMap<string, string> {
  const folder = join(extracted(), IN_BUNDLE)
  const files = readdirSync(folder).filter((file) => file.endsWith('.jinja'))
  return new Map(
    files.toSorted().map((file) => {
      return [file.slice(0, -'.jinja'.length), readFileSync(join(folder, file), 'utf8')]
    })
  )
}

function extracted(): string {
  const { release } = JSON.parse(
    readFileSync(join(LIBRARY, 'binariesGithubRelease.json'), 'utf8')
  ) as { release: string }
  const folder = join(tmpdir(), `haif-llama-templates-${release}`)
  if (existsSync(folder)) return folder
  const part = mkdtempSync(`${folder}-`)
  try {
    const bundle = join(LIBRARY, 'gitRelease.bundle')
    const repository = join(part, 'repository')
    execFileSync('git', ['clone', '--quiet', '--bare', bundle, repository])
    const size = { maxBuffer: 64 * 1024 * 1024 }
    const archive = ['--git-dir', repository, 'archive', 'HEAD', IN_BUNDLE]
    execFileSync('tar', ['x', '-C', part], { input: execFileSync('git', archive, size) })
    rmSync(repository, { recursive: true })
    mkdirSync(join(part, IN_BUNDLE), { recursive: true })
    renameSync(part, folder)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    if (!existsSync(folder)) throw error // otherwise another test was faster
  }
  return folder
}
