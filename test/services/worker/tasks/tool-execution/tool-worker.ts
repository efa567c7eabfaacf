/** A process that runs a tool, for a test that kills it. */
import process from 'node:process'
import { findSandbox } from '../../../../../services/worker/tasks/tool-execution/find-sandbox.ts'
import { runInSandbox } from '../../../../../services/worker/tasks/tool-execution/run-in-sandbox.ts'
import { TOOL_LIMITS } from '../../../../../services/worker/tasks/tool-execution/tool-limits.ts'

const [home = '', seconds = ''] = process.argv.slice(2)
const command = ['setsid', 'sleep', seconds]
await runInSandbox(
  await findSandbox(home),
  { command, environment: {}, stdin: '', files: [], limits: TOOL_LIMITS },
  { signal: new AbortController().signal, onOutput: () => {}, onFile: async () => {} }
)
