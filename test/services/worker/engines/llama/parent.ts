/**
 * A worker to be killed: loads the model that it is given and prints the pid of the model's
 * process.
 */
import { createLlamaEngine } from '../../../../../services/worker/engines/llama/parent/llama-engine.ts'

const engine = createLlamaEngine({
  modelPath: process.argv[2] ?? '',
  name: 'test',
  gpu: false,
  onEvent: (event) => {
    if (event.kind === 'ready') console.log(event.pid)
  }
})
await engine.load()
