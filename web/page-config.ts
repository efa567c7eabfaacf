/** How a page of `web/` is built, and served while it is worked on: `npx vite web/chat`. */
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const BRIDGE = 'http://127.0.0.1:8080'
/** Below it, compression saves less than the header that tells of it. */
const COMPRESS_BYTES_MIN = 1024

/** `folder`: the page's own, with its `index.html`. */
export const pageConfig = (folder: string) =>
  defineConfig({
    root: folder,
    publicDir: join(import.meta.dirname, 'ui/public'), // the icon and the theme are those of all
    base: './', // so that the page may be served under any path
    plugins: [compressed()],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: 'dist',
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0, // the page's policy allows no data: addresses
      reportCompressedSize: false
    },
    server: { port: 5173, proxy: { '/infer': BRIDGE, '/v1': BRIDGE } }
  })

/** Text files are compressed once, here, and not for every reader. */
function compressed(): Plugin {
  return {
    name: 'haif-compressed',
    apply: 'build',
    generateBundle: {
      order: 'post', // Vite itself still writes into the chunks before
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          const source = file.type === 'chunk' ? file.code : file.source
          if (!/\.(js|css)$/.test(file.fileName) || source.length < COMPRESS_BYTES_MIN) continue
          const add = (ending: string, bytes: Uint8Array) =>
            this.emitFile({ type: 'asset', fileName: file.fileName + ending, source: bytes })
          add('.gz', gzipSync(source))
          add('.br', brotliCompressSync(source))
        }
      }
    }
  }
}
