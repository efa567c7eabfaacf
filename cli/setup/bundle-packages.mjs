/**
 * Bundles typebox before `npm start` and `npm test`: finding and linking its 683 small files takes
 * half of the start of `haif`. Plain JavaScript, as setup.mjs is. use-bundles.mjs loads the result.
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const modules = new URL('node_modules/', root)

/** Without a bundler, as in an image, the files are loaded as they are. */
export async function bundlePackages() {
  const { version } = JSON.parse(readFileSync(new URL('typebox/package.json', modules), 'utf8'))
  const bundle = fileURLToPath(new URL(`.cache/haif/typebox-${version}`, modules))
  if (existsSync(bundle) || !existsSync(new URL('rolldown/package.json', modules))) return
  const making = `${bundle}.${process.pid}`
  try {
    const { rolldown } = await import('rolldown')
    const input = { index: 'typebox', compile: 'typebox/compile', error: 'typebox/error' }
    const bundler = await rolldown({ cwd: fileURLToPath(root), input, platform: 'node' })
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
