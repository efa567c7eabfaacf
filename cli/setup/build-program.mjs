/**
 * Builds what a package runs, into dist/: `npm pack` calls it. A package has to be JavaScript,
 * because Node strips no types of what is installed, and it starts in half the time as few files.
 * Files that the program reads, as migrations and the built-in model, stay at their places beside
 * dist/, and so does code for one kind of machine, in packages. Plain JavaScript, as setup.mjs is.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, posix, relative, resolve, sep } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { buildPages } from './build-page.mjs'
import { clientTypes } from './client-types.mjs'
import { nativeCode } from './native-code.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const dist = resolve(process.argv[2] ?? resolve(root, 'dist'))
/** Loaded from their own folders: they look for files there. */
const OUTSIDE = /^(@electric-sql\/pglite|koffi|node-llama-cpp|@node-llama-cpp)(\/|$)/

if (!buildPages()) process.exit(1)
rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
const bundler = await rolldown({
  cwd: root,
  input: {
    [entryName('cli/main.mjs')]: resolve(root, 'cli/main.mjs'),
    'haif-client': resolve(root, 'shared/client/haif-client.ts')
  },
  platform: 'node',
  external: OUTSIDE,
  logLevel: 'warn',
  checks: { eval: false },
  plugins: [ownFiles(), nativeCode()]
})
await bundler.write({
  dir: dist,
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name].mjs',
  comments: false
})
await bundler.close()
writeFileSync(resolve(dist, 'haif-client.d.mts'), clientTypes(root))

/** A file that is started by its address: a thread, a process. */
function entryName(file) {
  return file.replace(/\.m?[tj]s$/, '').replaceAll('/', '-')
}

/** All of dist/ lies side by side; what a file says of its place is said from there. */
function ownFiles() {
  const emitted = new Set([entryName('cli/main.mjs')])
  return {
    name: 'own-files',
    resolveId(id, _importer, { kind }) {
      // See node-http.mjs. What uses `require` reads no export that it does not name.
      const isHttp = /^(node:)?http$/.test(id) && kind !== 'require-call'
      return isHttp ? resolve(root, 'cli/setup/node-http.mjs') : null
    },
    transform(code, id) {
      const file = isAbsolute(id) ? relative(root, id).split(sep).join('/') : ''
      if (file === '' || file.startsWith('..') || file.startsWith('node_modules/')) return null
      if (file === 'cli/setup/use-bundles.mjs') return '' // here is nothing but bundles
      const started = /new URL\('([\w./-]+\.(?:ts|mjs))', import\.meta\.url\)/g
      return code
        .replace(started, (_, path) => {
          const target = posix.join(dirname(file), path)
          const name = entryName(target)
          if (!emitted.has(name)) this.emitFile({ type: 'chunk', id: resolve(root, target), name })
          emitted.add(name)
          return `new URL('./${name}.mjs', import.meta['url'])`
        })
        .replaceAll('import.meta.main', 'false') // recipes, which are run from a clone
        .replaceAll('import.meta.url', `new URL('../${file}', import.meta['url']).href`)
        .replaceAll('import.meta.dirname', `(import.meta['dirname'] + '/../${dirname(file)}')`)
        .replaceAll(/import\.meta\['(url|dirname)'\]/g, 'import.meta.$1')
    }
  }
}
