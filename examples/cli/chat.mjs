#!/usr/bin/env node
// A chat in the terminal: each question goes with all that was said before it. Ctrl-C stops the
// answer, and leaves when there is none; the arrow keys bring back earlier questions.
import { createInterface } from 'node:readline'
import { answerTo } from './answer.mjs'

const messages = []
let answering = null

const prompt = process.stdin.isTTY ? '> ' : ''
const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt })
const interrupt = () => (answering === null ? process.exit(130) : answering.abort())
process.on('SIGINT', interrupt)
terminal.on('SIGINT', interrupt)
terminal.prompt()
for await (const line of terminal) {
  if (line.trim() !== '') await ask(line)
  if (!terminal.closed) terminal.prompt()
}

async function ask(question) {
  answering = new AbortController()
  const { signal } = answering
  const asked = [...messages, { role: 'user', content: question }]
  let content = ''
  try {
    for await (const text of answerTo(asked, signal)) {
      content += text
      process.stdout.write(text)
    }
    process.stdout.write('\n')
  } catch (error) {
    if (content !== '') process.stdout.write('\n')
    console.error(signal.aborted ? '(stopped)' : error.message)
  }
  answering = null
  // A question without an answer would stand before the next one.
  if (content !== '') messages.push(asked.at(-1), { role: 'assistant', content })
}
