/** Bundles of functions, signed by a publisher of the test. */
import type { BundleSeal, FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import type { FunctionTask } from '#shared/contracts/functions/function-task.ts'
import { bundleSha256, sealBundle } from '#shared/functions/open-bundle.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'

const keyPair = temporaryIdentity(Buffer.alloc(32, 7))

export interface SealedBundle {
  text: string
  sha256: string
  seal: BundleSeal
}

/** A text as it is, anything else as JSON. */
export function sealed(bundle: unknown): SealedBundle {
  const text = typeof bundle === 'string' ? bundle : JSON.stringify(bundle)
  return { text, sha256: bundleSha256(text), seal: sealBundle(text, keyPair) }
}

/** `source`: Python with a function `run`. */
export function python(source: string, more: Partial<FunctionBundle> = {}): FunctionBundle {
  return {
    haif: 1,
    kind: 'function',
    runtime: 'python',
    module: 'main.py',
    entry: 'run',
    signature: { inputs: [], outputs: [] },
    ...more,
    files: { 'main.py': source, ...more.files }
  }
}

export function taskOf(
  { text, sha256, seal }: SealedBundle,
  args: Record<string, unknown> = {},
  more: Partial<FunctionTask> = {}
): FunctionTask {
  return {
    bundle: { sha256, bytes: Buffer.byteLength(text) },
    seal,
    arguments: args,
    ...more
  }
}
