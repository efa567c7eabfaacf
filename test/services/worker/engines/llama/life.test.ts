/** The life of the process that holds the model: bad files, deaths, signals, the end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { copyFile, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import type { GenerateItem } from '../../../../../services/worker/engines/engine.ts'
import { HaifError } from '../../../../../shared/errors.ts'
import { until } from '../../../../helpers/until.ts'
import { assertNoForbiddenWords } from '../../../../helpers/forbidden-words.ts'
import {
  answer,
  BUILTIN_MODEL,
  chat,
  direct,
  isGone,
  newEngine,
  PARENT_SCRIPT,
  randomModel,
  startEngine,
  tempDir
} from './engines.ts'

const never = new AbortController().signal

function loadFailed(modelPath: string, reason: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof HaifError)
    assert.equal(error.code, 'MODEL_LOAD_FAILED')
    assert.ok(error.message.includes(modelPath), error.message)
    assert.match(error.message, reason)
    assert.doesNotMatch(error.message, /\n/)
    assertNoForbiddenWords(error.message)
    return true
  }
}

/** For what needs no process of its own; a test of its end closes it. */
const one = newEngine({ after }, { name: 'tiny', slots: 3 })
const loaded = await one.engine.load()

suite('loading', () => {
  test('what is known of the model is told', async () => {
    const { engine, events } = one
    assert.equal(loaded.name, 'tiny')
    assert.match(loaded.digest, /^[0-9a-f]{64}$/)
    assert.equal(loaded.quantization, 'Q8_0')
    assert.equal(loaded.sizeBytes, (await stat(BUILTIN_MODEL)).size)
    assert.equal(loaded.chatTemplate, true)
    assert.equal(engine.metrics().slots, 3)
    assert.ok(events.some((event) => event.kind === 'progress' && event.fraction === 1))
  })

  test('a missing file, a folder and a file of something else are named', async (t) => {
    const dir = await tempDir(t)
    const missing = join(dir, 'missing.gguf')
    await assert.rejects(
      newEngine(t, { modelPath: missing }).engine.load(),
      loadFailed(missing, /no such file/)
    )
    await assert.rejects(
      newEngine(t, { modelPath: dir }).engine.load(),
      loadFailed(dir, /it is a folder/)
    )
    const other = join(dir, 'other.gguf')
    await writeFile(other, 'hello')
    await assert.rejects(
      newEngine(t, { modelPath: other }).engine.load(),
      loadFailed(other, /not a GGUF file/)
    )
  })

  test('a file that was cut off is refused', async (t) => {
    const modelPath = join(await tempDir(t), 'cut.gguf')
    await copyFile(BUILTIN_MODEL, modelPath)
    await truncate(modelPath, 600_000)
    const { engine, events } = newEngine(t, { modelPath })
    await assert.rejects(engine.load(), loadFailed(modelPath, /download it again/))
    assert.deepEqual(events, []) // no process was needed to see it
  })

  test('a file that makes the library abort costs only its process', async (t) => {
    const modelPath = await randomModel(t)
    const bytes = await readFile(modelPath)
    const key = bytes.indexOf('llama.attention.head_count')
    bytes.write('X', key) // a required key is missing: a failed assertion
    await writeFile(modelPath, bytes)
    const { engine, events } = newEngine(t, { modelPath })
    await assert.rejects(engine.load(), loadFailed(modelPath, /download it again/))
    await until(() => events.some((event) => event.kind === 'exited'))
    assert.ok(!events.some((event) => event.kind === 'restarting'))
  })

  test('what llama.cpp itself says of a model that it does not know is the reason', async (t) => {
    const modelPath = await randomModel(t)
    const bytes = await readFile(modelPath)
    const key = 'general.architecture'
    const value = bytes.indexOf('llama', bytes.indexOf(key) + key.length)
    bytes.write('qwen9', value)
    await writeFile(modelPath, bytes)
    const { engine } = newEngine(t, { modelPath })
    const reason = /does not know the architecture qwen9: update HAIF/
    await assert.rejects(engine.load(), loadFailed(modelPath, reason))
  })

  test('a process that hangs while loading is given up', async (t) => {
    const { engine, pid } = newEngine(t, {
      loadStillMs: 300,
      onEvent: (event) => {
        if (event.kind === 'loading') {
          hung = event.pid
          process.kill(event.pid, 'SIGSTOP')
        }
      }
    })
    let hung = 0
    await assert.rejects(engine.load(), loadFailed(BUILTIN_MODEL, /did not get on for 0.3 s/))
    await until(() => isGone(hung))
    assert.throws(pid)
  })
})

suite('deaths', () => {
  test('kill -9 while streaming fails what was running, and the next is served', async () => {
    const { engine, events, pid } = one
    const request = chat('Tell me a story about a fox.')
    const expected = await answer(engine, request)

    const killed = pid()
    const sent: GenerateItem[] = []
    await assert.rejects(
      async () => {
        for await (const item of engine.generate(request, never)) {
          sent.push(item)
          // Stopped first, or a short answer may be through before it dies.
          for (const signal of ['SIGSTOP', 'SIGKILL'] as const) process.kill(killed, signal)
        }
      },
      (error: unknown) =>
        error instanceof HaifError && error.code === 'ENGINE_FAILED' && error.retryable
    )
    assert.ok(events.some((event) => event.kind === 'exited' && event.signal === 'SIGKILL'))

    const resumeTokenIds = sent.flatMap(({ tokenIds }) => tokenIds)
    const resumed = await answer(engine, { ...request, resumeTokenIds })
    assert.equal(sent.map(({ text }) => text).join('') + resumed.text, expected.text)
    assert.notEqual(pid(), killed)
    assert.equal(events.filter((event) => event.kind === 'ready').length, 2)
  })

  test('a request does not wait for ever for a process that is started again', async (t) => {
    const notes: string[] = []
    const { engine, pid } = await startEngine(t, {
      modelPath: await randomModel(t),
      restart: { firstMs: 60_000, longestMs: 60_000 },
      restartWaitMs: 50,
      onNote: (note) => notes.push(note)
    })
    process.kill(pid(), 'SIGKILL')
    await until(() => notes.length > 0)
    assert.match(
      notes[0]!,
      /^test: the process .* died \(it ended by SIGKILL.*it is started again$/
    )
    await assert.rejects(
      answer(engine, direct('hello')),
      (error: unknown) =>
        error instanceof HaifError &&
        error.code === 'ENGINE_FAILED' &&
        /SIGKILL/.test(error.message) &&
        (error.retryAfterMs ?? 0) > 0
    )
    assert.deepEqual(engine.metrics().running, 0)
  })

  test('a model whose process cannot come up again is lost, with the reason', async (t) => {
    const modelPath = await randomModel(t)
    const { engine, pid } = await startEngine(t, { modelPath, restart: { firstMs: 5 } })
    process.kill(pid(), 'SIGSTOP') // it does not see the change itself
    const killed = pid()
    await unlink(modelPath)
    process.kill(killed, 'SIGKILL')
    assert.match((await engine.lost).message, /the file is gone since it was loaded/)
    await assert.rejects(answer(engine, direct('hello')), { code: 'MODEL_LOAD_FAILED' })
  })

  test('signals for the whole process group do not reach the model', async () => {
    const { engine, events, pid } = one
    const exits = () => events.filter((event) => event.kind === 'exited').length
    const before = exits()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid(), signal)
    await answer(engine, chat('Who are you?'))
    assert.equal(exits(), before)
  })

  test('when the worker is killed the process of its model ends by itself', async () => {
    const worker = spawn(process.execPath, [PARENT_SCRIPT, BUILTIN_MODEL], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const pid = await new Promise<number>((resolve) => {
      worker.stdout.setEncoding('utf8').on('data', (line: string) => resolve(Number(line)))
    })
    assert.ok(!isGone(pid))
    worker.kill('SIGKILL')
    await until(() => isGone(pid))
  })
})

suite('hangs', () => {
  const QUICK = { beatMs: 50, silentMs: 400, silentMsMax: 1500 }
  const hangs = { code: 'ENGINE_FAILED', message: /hangs \(it has not answered for/ }

  test('a process that is stopped is told of, and replaced; its requests go elsewhere', async (t) => {
    const notes: string[] = []
    const { engine, events, pid } = await startEngine(t, {
      modelPath: await randomModel(t),
      hang: QUICK,
      onNote: (note) => notes.push(note)
    })
    const stopped = pid()
    const running = engine.generate(direct('hello', { maxTokens: 500 }), never)
    await running.next()
    process.kill(stopped, 'SIGSTOP')
    await assert.rejects(async () => {
      for await (const _ of running);
    }, hangs)
    assert.match(engine.metrics().restarting ?? '', /hangs/)
    await assert.rejects(answer(engine, direct('hello')), hangs)
    await assert.rejects(engine.embed(['hello'], never), hangs)
    await until(() => isGone(stopped))
    await until(() => events.filter((event) => event.kind === 'ready').length === 2)
    assert.notEqual(pid(), stopped)
    await answer(engine, direct('hello', { maxTokens: 4 }))
    assert.match(notes.join('\n'), /hangs .*\n.*died \(it has not answered for .* and was killed\)/)
    assert.equal(engine.metrics().restarting, undefined)
  })

  test('one that comes to itself serves on, and goes on with nothing that was moved', async (t) => {
    const { engine, events, pid } = await startEngine(t, {
      modelPath: await randomModel(t),
      hang: { ...QUICK, silentMsMax: 600_000 }
    })
    const running = engine.generate(direct('hello', { maxTokens: 2000 }), never)
    await running.next()
    process.kill(pid(), 'SIGSTOP')
    await assert.rejects(async () => {
      for await (const _ of running);
    }, hangs)
    process.kill(pid(), 'SIGCONT')
    await until(() => engine.metrics().restarting === undefined)
    await answer(engine, direct('hello', { maxTokens: 4 }))
    await until(() => engine.metrics().kvCache?.runningTokens === 0)
    assert.ok(events.some((event) => event.kind === 'hung'))
    assert.equal(events.filter((event) => event.kind === 'ready').length, 1)
  })
})

suite('a file that is no longer what was loaded', () => {
  const changes: Record<string, [change: (file: string) => Promise<void>, says: RegExp]> = {
    'is overwritten in place': [randomModelOver, /the file has changed since it was loaded/],
    'is deleted': [(file) => unlink(file), /the file is gone since it was loaded/]
  }
  for (const [how, [change, says]] of Object.entries(changes)) {
    test(`${how}: what runs ends with that cause, and nothing more is answered`, async (t) => {
      const modelPath = await randomModel(t)
      const { engine, pid } = await startEngine(t, { modelPath })
      const running = engine.generate(direct('hello', { maxTokens: 500 }), never)
      await running.next()
      await change(modelPath)
      const cause = { code: 'MODEL_LOAD_FAILED', message: says }
      await assert.rejects(async () => {
        for await (const _ of running);
      }, cause)
      await assert.rejects(answer(engine, direct('hello')), cause)
      assert.match((await engine.lost).message, says)
      await until(() => isGone(pid()))
    })
  }
})

test('nothing that was computed with an overwritten file is passed on', async (t) => {
  const modelPath = join(await tempDir(t), 'm.gguf')
  const bytes = await readFile(BUILTIN_MODEL)
  await writeFile(modelPath, bytes)
  const { engine } = await startEngine(t, { modelPath })
  const right = (await answer(engine, chat('hello'))).text
  for (let at = bytes.length >> 1; at < bytes.length; at += 97) bytes[at]! ^= 0x55
  let text = ''
  const running = engine.generate(chat('hello'), never)
  const first = running.next()
  writeFileSync(modelPath, bytes)
  // This process sees nothing of the change, until the whole answer has been computed.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  await assert.rejects(
    async () => {
      const { done, value } = await first
      if (done !== true) text += value.text
      for await (const item of running) text += item.text
    },
    { code: /MODEL_LOAD_FAILED|ENGINE_FAILED/ }
  )
  assert.ok(right.startsWith(text), text)
  assert.match((await engine.lost).message, /the file has changed since it was loaded/)
})

test('a file that is emptied under its model: its process may die, and the cause is told', async (t) => {
  const modelPath = await randomModel(t)
  const { engine } = await startEngine(t, { modelPath, restart: { firstMs: 5 } })
  const running = answer(engine, direct('hello', { maxTokens: 500 })).catch(() => {})
  await truncate(modelPath, 0)
  assert.match((await engine.lost).message, /the file has changed since it was loaded/)
  await running
  await assert.rejects(answer(engine, direct('hello')), { code: 'MODEL_LOAD_FAILED' })
})

suite('close', () => {
  test('no process is left behind, and what was running is told', async (t) => {
    const { engine, pid } = await startEngine(t, { modelPath: await randomModel(t) })
    const running = answer(engine, direct('hello', { maxTokens: 500 }))
    const refused = assert.rejects(running, { code: 'SHUTTING_DOWN' })
    await engine.close()
    await refused
    assert.ok(isGone(pid()))
    await assert.rejects(answer(engine, direct('hello')), { code: 'SHUTTING_DOWN' })
    await engine.close()
  })

  test('a process that does not listen is killed', async () => {
    const { engine, pid } = one
    process.kill(pid(), 'SIGSTOP')
    await engine.close()
    assert.ok(isGone(pid()))
  })

  test('also while it is still loading', async (t) => {
    const { engine, events, pid } = newEngine(t)
    const loading = assert.rejects(engine.load(), { code: 'SHUTTING_DOWN' })
    await until(() => events.length > 0)
    await engine.close()
    await loading
    assert.ok(isGone(pid()))
  })
})

async function randomModelOver(file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1)
  await writeFile(file, bytes)
}
