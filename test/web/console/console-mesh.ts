/** `haif up`, a machine beside it, a hub to fetch from, and callers that keep all of it busy. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BUILTIN_FILE } from '../../../services/worker/models/sources/model-uri.ts'
import { python, sealed } from '../../helpers/functions/bundles.ts'
import { startHaif } from '../../helpers/cli.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { startHub, type Asked } from '../../services/worker/models/download/models-hub.ts'

/** Slow: answers can be seen while they are written, and cost little while others are tested. */
export const SIM = ['--model', 'sim?decode=6&slots=2']
/** More than three machines of two slots each take at once. */
const CALLERS = 8
/** The hub is slow: a download tells of its progress at most every 200 ms. */
const SLOW_MS = 300

/** The whole test has this mesh. */
export const LONG = { runMsMax: 900_000 }

export interface ConsoleMesh {
  url: string
  /** Sends the rest of the model that is being fetched. */
  sendRest: () => void
  /** From then on all callers show that token. */
  show: (token: string) => void
  post: (path: string, body: object) => Promise<Response>
}

export async function startConsoleMesh(t: TestContext): Promise<ConsoleMesh> {
  const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>()
  const file = readFileSync(BUILTIN_FILE)
  const hub = await startHub(t, {
    files: { 'tiny-Q8_0.gguf': file },
    tags: { Q8_0: 'tiny-Q8_0.gguf' },
    lie: (asked) => asked.what === 'bytes' && pauseIn(asked, rest)
  })
  const up = startHaif(t, ['up', '--port', '0', '--functions', ...SIM], LONG)
  await up.says('ready http://')
  const url = /^ready (http:\S+)$/m.exec(up.output.stdout)![1]!
  const headers = new Headers({ 'content-type': 'application/json' })
  const show = (token: string) => headers.set('authorization', `Bearer ${token}`)
  const post = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const invited = await post('/v1/admin/invites', {
    roles: ['worker'],
    name: 'office-gpu',
    expires_in_ms: 3_600_000,
    uses_max: 1
  })
  const { topic_key: topicKey } = (await invited.json()) as { topic_key: string }
  const options = { ...LONG, env: { HF_ENDPOINT: hub.hub.endpoint } }
  await startHaif(t, ['join', topicKey, ...SIM], options).says('joined')
  keepBusy(t, post)
  await publish(post)
  await post('/v1/jobs', { type: 'inference', input: { prompt: 'Sum up the week.' } })
  return { url, sendRest, show, post }
}

/** The first piece comes in two parts; what is left of the file only after `rest`. */
function pauseIn({ file, start, request, response }: Asked, rest: Promise<void>): true {
  const last = Number(/-(\d+)$/.exec(request.headers.range ?? '')?.[1] ?? file.length - 1)
  const part = file.subarray(start, last + 1)
  response.writeHead(206, {
    'content-length': part.length,
    'content-range': `bytes ${start}-${last}/${file.length}`
  })
  const first = part.subarray(0, start === 0 ? part.length / 2 : 1)
  response.write(first)
  const more = start === 0 ? sleep(SLOW_MS) : rest
  void more.then(() => response.end(part.subarray(first.length)))
  return true
}

/** Callers that ask one thing after the other, each something new, until the test ends. */
function keepBusy(t: TestContext, post: ConsoleMesh['post']): void {
  const over = new AbortController()
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!over.signal.aborted) {
      const body = { prompt: `Tell me about ${randomUUID()}.`, max_tokens: 24 }
      await post('/infer', body).then(
        (response) => response.text(),
        () => sleep(50) // a machine that goes away is a part of the test
      )
    }
  })
  atEnd(t, async () => {
    over.abort()
    await Promise.all(callers)
  })
}

async function publish(post: ConsoleMesh['post']): Promise<void> {
  const { text, seal } = sealed(python(SOURCE, FACTS))
  await post('/v1/objects', { name: 'daily_total', bundle: text, seal })
}

const SOURCE = `def run(date, days=3):
    print("adding up", days, "days until", date)
    with open("out/prices.csv", "w") as file:
        file.write("11.0")
    return 11.0 * days
`
const FACTS = {
  description: 'The total of a day, and of the days before it.',
  signature: {
    inputs: [
      { name: 'date', type: 'str' },
      { name: 'days', type: 'int', optional: true, default: 3 }
    ],
    outputs: [{ name: 'result', type: 'float' }]
  }
}
