// One answer over HTTP, piece by piece, with nothing but `fetch`.
const URL_OF_HAIF = process.env.HAIF_URL ?? 'http://127.0.0.1:8080'
const MODEL = process.env.HAIF_MODEL ?? 'haif-tiny'
const HEADERS = {
  'content-type': 'application/json',
  authorization: `Bearer ${process.env.HAIF_TOKEN ?? 'any'}`
}

/** Aborting the signal stops the worker as well. */
export async function* answerTo(messages, signal) {
  const body = JSON.stringify({ model: MODEL, messages, stream: true })
  const request = { method: 'POST', headers: HEADERS, body, signal }
  const response = await fetch(`${URL_OF_HAIF}/v1/chat/completions`, request).catch((error) => {
    signal.throwIfAborted()
    throw new Error(`${URL_OF_HAIF} cannot be reached; is "npm start" running?`, { cause: error })
  })
  if (!response.ok) throw new Error((await response.json()).error.message)
  for await (const event of eventsOf(response.body)) {
    if (!event.startsWith('data: {')) continue // a comment, or [DONE]
    const { error, choices } = JSON.parse(event.slice('data: '.length))
    if (error !== undefined) throw new Error(error.message)
    const text = choices[0]?.delta.content ?? ''
    if (text !== '') yield text
  }
}

async function* eventsOf(body) {
  let unread = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const events = (unread + text).split('\n\n')
    unread = events.pop()
    yield* events
  }
}
