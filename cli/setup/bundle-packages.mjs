/**
 * Bundles typebox before `npm start` and `npm test`: finding and linking its 683 small files takes
 * half of the start of `haif`. Plain JavaScript, as setup.mjs is. use-bundles.mjs loads the result.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { modules, typeboxBundle } from './typebox-bundle.mjs'

/** Without a bundler, as in an image, the files are loaded as they are. */
export async function bundlePackages() {
  const { folder, entries } = typeboxBundle()
  if (existsSync(folder) || !existsSync(new URL('rolldown/package.json', modules))) return
  const bundle = fileURLToPath(folder)
  const making = `${bundle.slice(0, -1)}.${process.pid}`
  try {
    const { rolldown } = await import('rolldown')
    const input = Object.fromEntries([...entries].map(([specifier, name]) => [name, specifier]))
    const cwd = fileURLToPath(new URL('..', modules))
    const bundler = await rolldown({ cwd, input, platform: 'node' })
    await bundler.write({ dir: making, entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' })
    await bundler.close()
    renameSync(making, bundle) // whole or not at all, also when two set up at once
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (existsSync(bundle)) return
    console.error('haif: typebox could not be bundled; all else works, but starts slower\n', error)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundlePackages()
