import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childContext, createContext } from '#shared/rpc/context.ts'

/** Counts how often it was told. */
function counting() {
  let told = 0
  return { listener: () => void told++, told: () => told }
}

test('who listens to a request is told once that it is aborted, and not after it has left', () => {
  using context = createContext({ timeoutMs: 60_000 })
  const [stays, leaves] = [counting(), counting()]
  context.onAbort(stays.listener)
  context.onAbort(leaves.listener)()
  const reason = new Error('the first')
  context.abort(reason)
  context.abort(new Error('the second'))
  assert.deepEqual([stays.told(), leaves.told()], [1, 0])
  assert.equal(context.signal.reason, reason)
})

test('a child is aborted with its parent, for the same reason, and not the other way round', () => {
  using parent = createContext({ timeoutMs: 60_000 })
  using child = childContext(parent)
  using sibling = childContext(parent)
  const [ofChild, ofParent] = [counting(), counting()]
  child.onAbort(ofChild.listener)
  parent.onAbort(ofParent.listener)
  sibling.abort(new Error('the sibling alone'))
  assert.deepEqual([ofChild.told(), ofParent.told()], [0, 0])
  const reason = new Error('all')
  parent.abort(reason)
  assert.deepEqual([ofChild.told(), ofParent.told()], [1, 1])
  assert.equal(child.signal.reason, reason)
  using late = childContext(parent)
  assert.equal(late.signal.reason, reason)
})

test('a deadline that passes aborts what is asked within it', async () => {
  using context = createContext({ timeoutMs: 1 })
  using child = childContext(context)
  await new Promise<void>((resolve) => child.onAbort(resolve))
  assert.equal((child.signal.reason as { code?: string }).code, 'DEADLINE_EXCEEDED')
})
