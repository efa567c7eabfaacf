/** A field for each input of a function; what runs then is shown on a page of its own. */
import type { ObjectBody, PortBody, RunBody } from '../../mesh/bodies.ts'
import { useState } from 'preact/hooks'
import { nameOf, workers } from '../../mesh/live.ts'
import { CommandLine, Choice } from '../../ui/parts.tsx'
import { perform } from '../../ui/perform.ts'
import { callLine, kindOf, readArguments } from '../../view/arguments.ts'
import { linkTo } from '../../view/route.ts'
import { nameOfObject } from './signature.tsx'

export function CallForm({ object }: { object: ObjectBody }) {
  const { inputs } = object.signature
  const [texts, setTexts] = useState<Record<string, string>>({})
  const [machine, setMachine] = useState('')
  const [told, setTold] = useState<{ port: string; problem: string } | null>(null)
  const name = nameOfObject(object)
  const read = readArguments(inputs, texts)
  const given = 'arguments' in read ? read.arguments : {}
  const run = async () => {
    if ('problem' in read) return setTold(read)
    const on = machine === '' ? {} : { machine }
    const body = { object: name, arguments: given, ...on }
    const begun = await perform<RunBody>('run.start', { body }, { done: '', changes: ['v1/runs'] })
    if (begun !== null) location.hash = linkTo('runs', begun.run_id)
  }
  return (
    <form class="form card" onSubmit={(event) => (event.preventDefault(), void run())}>
      {inputs.length === 0 && <p class="note">It takes no arguments.</p>}
      {inputs.map((port) => (
        <Field
          key={port.name}
          port={port}
          value={texts[port.name] ?? ''}
          problem={told?.port === port.name ? told.problem : null}
          onChange={(value) => {
            setTold(null)
            setTexts({ ...texts, [port.name]: value })
          }}
        />
      ))}
      <div class="dialog-actions">
        <button type="submit" class="primary">
          Run it
        </button>
        <Choice
          label="Where it runs"
          value={machine}
          options={[
            ['', 'where its library says'],
            ...workers.value.map((worker) => [worker.id, `on ${nameOf(worker)}`] as const)
          ]}
          onChange={setMachine}
        />
      </div>
      <CommandLine text={callLine(name, given, nameOfChosen(machine))} />
    </form>
  )
}

function nameOfChosen(id: string): string {
  const worker = workers.value.find((each) => each.id === id)
  return worker === undefined ? '' : nameOf(worker)
}

interface FieldProps {
  port: PortBody
  value: string
  problem: string | null
  onChange: (value: string) => void
}

function Field({ port, value, problem, onChange }: FieldProps) {
  const { name, type, optional = false } = port
  const kind = kindOf(port)
  const hint = 'default' in port ? JSON.stringify(port.default) : ''
  const common = {
    value,
    'aria-label': name,
    'aria-invalid': problem !== null,
    onInput: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  }
  return (
    <label class="field wide">
      {name}
      <small>
        {[type, optional ? 'may be left out' : undefined].filter(Boolean).join(', ') || 'anything'}
      </small>
      {kind === 'json' ? (
        <textarea {...common} rows={3} spellcheck={false} placeholder={hint || '[1, 2, 3]'} />
      ) : kind === 'boolean' ? (
        <select {...common}>
          <option value="">{hint === '' ? '–' : hint}</option>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <input
          {...common}
          type="text"
          inputMode={kind === 'number' ? 'decimal' : 'text'}
          placeholder={hint}
          autocomplete="off"
          spellcheck={false}
        />
      )}
      {problem !== null && (
        <span class="note bad" role="alert">
          {problem}
        </span>
      )}
    </label>
  )
}
