/** Bundles as they run: brought once, looked over once, kept in memory within a bound. */
import { BUNDLE_BYTES_MAX, type FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { bundleUri, type FunctionTask } from '#shared/contracts/functions/function-task.ts'
import { HaifError } from '#shared/errors.ts'
import { assertSealed, bundleSha256, openBundle } from '#shared/functions/open-bundle.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { TaskArtifacts } from '../task-kind.ts'

const KEPT_MAX = 32

export class OpenedBundles {
  /** By SHA-256 and seal; each has at most `BUNDLE_BYTES_MAX`. */
  readonly #kept = new BoundedMap<string, FunctionBundle>(KEPT_MAX)
  readonly #publishers: ReadonlySet<string>

  /** `publishers`: whose functions may run here; empty: everybody's. */
  constructor(publishers: readonly string[] = []) {
    this.#publishers = new Set(publishers)
  }

  /** O6: throws VALIDATION_FAILED where hash or signature do not fit. */
  async open({ bundle, seal }: FunctionTask, artifacts: TaskArtifacts): Promise<FunctionBundle> {
    if (this.#publishers.size > 0 && !this.#publishers.has(seal.publisher)) {
      throw new HaifError(
        'FORBIDDEN',
        `the owner of this worker runs functions of some publishers, and ${seal.publisher} is none`
      )
    }
    const key = `${bundle.sha256} ${seal.publisher} ${seal.signature}`
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const bytes = await artifacts.read(bundleUri(bundle.sha256), BUNDLE_BYTES_MAX)
    const text = bytes.toString('utf8')
    if (bundleSha256(text) !== bundle.sha256) {
      throw new HaifError('VALIDATION_FAILED', 'the bundle has other bytes than its hash says')
    }
    assertSealed(bundle.sha256, seal)
    const opened = openBundle(text)
    if (opened.kind !== 'function') {
      throw new HaifError('VALIDATION_FAILED', 'the bundle is no function')
    }
    this.#kept.set(key, opened)
    return opened
  }
}
