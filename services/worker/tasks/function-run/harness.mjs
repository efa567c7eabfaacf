/**
 * Calls the function of a bundle, again and again, for the worker outside of the sandbox: requests
 * come on descriptor 3, frames go out on descriptor 4. It is not to be trusted more than the
 * function, which may do with it as it likes; the worker looks at all that comes.
 */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const CHUNK = 256 << 10

function send(kind, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(5)
  head.write(kind, 'latin1')
  head.writeUInt32BE(payload.length, 1)
  const data = Buffer.concat([head, payload])
  for (let at = 0; at < data.length;) at += writeSync(4, data, at)
}

function receive(count) {
  const bytes = Buffer.alloc(count)
  for (let at = 0; at < count;) {
    const got = readSync(3, bytes, at, count - at, null)
    if (got === 0) process.exit(0) // the worker has gone, or needs this process no more
    at += got
  }
  return bytes
}

function sendFiles(folder, top = folder) {
  for (const name of readdirSync(folder).toSorted()) {
    const path = join(folder, name)
    const found = lstatSync(path)
    if (found.isDirectory()) sendFiles(path, top)
    if (!found.isFile()) continue
    send('f', Buffer.from(relative(top, path)))
    const fd = openSync(path, 'r')
    const chunk = Buffer.alloc(CHUNK)
    for (let got; (got = readSync(fd, chunk, 0, CHUNK, null)) > 0;)
      send('d', chunk.subarray(0, got))
    closeSync(fd)
  }
}

function failure(kind, error) {
  writeSync(2, `${error?.stack ?? error}\n`)
  const type = error?.name ?? typeof error
  send(
    'x',
    Buffer.from(
      JSON.stringify({ kind, type, message: String(error?.message ?? error).slice(0, 1000) })
    )
  )
}

/** JSON leaves out what it cannot say; here that is an error, as it is in Python. */
function jsonOf(value) {
  const text = JSON.stringify(value ?? null, (_, inner) => {
    const isLost =
      typeof inner === 'function' ||
      typeof inner === 'symbol' ||
      (typeof inner === 'number' && !Number.isFinite(inner))
    if (isLost) throw new TypeError(`${String(inner)} is no JSON`)
    return inner
  })
  return Buffer.from(text)
}

/** What a function may ask for while it runs: `haif.call`, `haif.secret`. */
globalThis.haif = {
  async call(object, args = {}) {
    const payload = Buffer.from(JSON.stringify({ object, arguments: args }))
    if (payload.length > 1 << 20)
      throw new RangeError('the arguments of a call may have 1 MiB at most')
    send('c', payload)
    const reply = JSON.parse(receive(Number(receive(8).readBigUInt64BE())).toString())
    if (reply.error === undefined) return reply.value
    throw Object.assign(new Error(reply.error.message), { code: reply.error.code })
  },
  secret(name) {
    return readFileSync(`/scratch/secrets/${name}`, 'utf8')
  }
}

function keepSecrets(secrets = {}) {
  rmSync('/scratch/secrets', { recursive: true, force: true })
  if (Object.keys(secrets).length === 0) return
  mkdirSync('/scratch/secrets', { mode: 0o700 })
  for (const [name, value] of Object.entries(secrets)) {
    writeFileSync(`/scratch/secrets/${name}`, value)
  }
}

async function run(callee, args) {
  let value
  try {
    value = await callee(args)
  } catch (error) {
    return failure('raised', error)
  }
  let text
  try {
    text = jsonOf(value)
  } catch (error) {
    return failure('not_json', error)
  }
  sendFiles('out')
  for (let at = 0; at < text.length; at += CHUNK) send('v', text.subarray(at, at + CHUNK))
}

const [, , module, entry] = process.argv
let callee
send('y')
for (let number = 1; ; number++) {
  const request = JSON.parse(receive(Number(receive(8).readBigUInt64BE())).toString())
  const folder = `/scratch/${number}`
  mkdirSync(`${folder}/out`, { recursive: true })
  mkdirSync('/scratch/tmp', { recursive: true })
  keepSecrets(request.secrets)
  process.chdir(folder)
  try {
    const loaded = (await import(pathToFileURL(`/bundle/${module}`).href))[entry]
    callee = typeof loaded === 'function' ? loaded : loaded?.run
    if (typeof callee !== 'function') throw new TypeError(`${module} exports no function ${entry}`)
    await run(callee, request.arguments)
  } catch (error) {
    failure('raised', error)
  }
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise((resolve) => stream.write(request.mark, resolve))
  }
  process.chdir('/')
  rmSync(folder, { recursive: true, force: true })
  keepSecrets()
  send('z')
}
