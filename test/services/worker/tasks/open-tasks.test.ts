/** What a worker takes, by what its owner allows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { openTasks } from '../../../../services/worker/tasks/open-tasks.ts'
import { readLabels, readTasks } from '../../../../services/worker/tasks/task-config.ts'
import { findSandbox } from '../../../../services/worker/tasks/tool-execution/find-sandbox.ts'

const hub = { endpoint: 'http://127.0.0.1:1' }
const download = { folder: '/tmp', hub, held: () => undefined, serve: () => {} }

async function typesOf(env: Record<string, string>, wishes = {}) {
  const config = readTasks(env, wishes)
  const { kinds } = await openTasks({ config, home: '/tmp', download, log: silentLogger() })
  return kinds.map(({ type }) => type)
}

test('tools and downloads are taken only where they are allowed', async () => {
  assert.deepEqual(await typesOf({}), ['aggregation'])
  assert.deepEqual(await typesOf({ ALLOW_DOWNLOADS: '1' }), ['aggregation', 'model_download'])
  const hasSandbox = await findSandbox('/tmp').then(
    () => true,
    () => false
  )
  const tools = hasSandbox ? ['tool_execution'] : []
  assert.deepEqual(await typesOf({}, { allowTools: true }), ['aggregation', ...tools])
})

test('settings of tasks are read, and refused where they cannot be used', () => {
  const env = { TOOL_MEMORY: '2GiB', TOOL_SECONDS: '7', ARTIFACT_SPACE: '1TB', REGION: 'eu' }
  const { toolLimits, artifactBytes, region, places } = readTasks(env, {})
  assert.deepEqual([toolLimits.memoryBytes, toolLimits.wallMs], [2 ** 31, 7000])
  assert.deepEqual([artifactBytes, region, places], [1e12, 'eu', 4])
  assert.deepEqual(readLabels({ LABELS: 'rack=4, team=blue' }), { rack: '4', team: 'blue' })
  for (const wrong of [{ TOOL_MEMORY: '50%' }, { TOOL_MEMORY: 'x' }, { ALLOW_TOOLS: 'yes' }]) {
    assert.throws(() => readTasks(wrong, {}), { code: 'CONFIG_INVALID' })
  }
  assert.throws(() => readLabels({ LABELS: 'rack' }), { code: 'CONFIG_INVALID' })
})
