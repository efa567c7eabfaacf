/**
 * Which test some code belongs to. node:test asks async hooks, which then see every promise of the
 * process come and go: a tenth of the CPU of what tests run, and production has none of it. Async
 * context knows the same for nothing. Node takes three names from the module of the hooks when
 * node:test is loaded, so they are others until then; groups.test.ts sees that this still works.
 */
import type * as AsyncHooks from 'node:async_hooks'
import process from 'node:process'

const hooks: { -readonly [K in keyof typeof AsyncHooks]: (typeof AsyncHooks)[K] } =
  process.getBuiltinModule('node:async_hooks')
const { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId } = hooks

const running = new AsyncLocalStorage<number>()
let ofTests: AsyncHooks.HookCallbacks = {}

/** A test is such a resource; nothing else that is made of this class is. */
class TestResource extends AsyncResource {
  constructor(...given: ConstructorParameters<typeof AsyncResource>) {
    super(...given)
    ofTests.init?.(this.asyncId(), 'Test', 0, this)
  }

  override runInAsyncScope<This, Result>(
    fn: (this: This, ...args: never[]) => Result,
    thisArg?: This,
    ...args: unknown[]
  ): Result {
    const id = this.asyncId()
    // Inside, as a resource brings the context back in which it was made.
    const inContext = () => running.run(id, () => Reflect.apply(fn, thisArg, args) as Result)
    return super.runInAsyncScope(inContext)
  }
}

/** To be called before anything has loaded node:test. */
export function knowTestsByContext(): void {
  hooks.AsyncResource = TestResource
  hooks.executionAsyncId = () => running.getStore() ?? 0
  hooks.createHook = (callbacks) => {
    ofTests = callbacks
    const hook = { enable: () => hook, disable: () => hook }
    return hook
  }
  process.getBuiltinModule('node:test')
  Object.assign(hooks, { AsyncResource, executionAsyncId, createHook })
}
