/**
 * `node read-descriptors.mjs FILE`: the functions that a module describes, as a line of JSON each.
 * A function is an export with `run`, and `inputs` by their names: a type, or `{type, default}`.
 */
import process from 'node:process'
import { pathToFileURL } from 'node:url'

function port([name, given]) {
  const { type, ...rest } = typeof given === 'string' ? { type: given } : given
  const isOptional = 'default' in rest || rest.optional === true
  return {
    name,
    type,
    ...(isOptional ? { optional: true } : {}),
    ...('default' in rest ? { default: rest.default } : {})
  }
}

const module = await import(pathToFileURL(process.argv[2]).href)
for (const [name, found] of Object.entries(module)) {
  if (typeof found?.run !== 'function' || typeof found.inputs !== 'object') continue
  const { inputs, output, description, version, secrets } = found
  const outputs = [{ name: 'default', ...(output === undefined ? {} : { type: output }) }]
  const signature = { inputs: Object.entries(inputs).map(port), outputs }
  process.stdout.write(`${JSON.stringify({ name, signature, description, version, secrets })}\n`)
}
