/** One operation; what is inside is made when it is opened. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { CopyAction } from '../../../ui/action.tsx'
import { curlOf } from '../view/curl.ts'
import { fieldsOf, typeOf, type Field } from '../view/fields.ts'
import type { Operation, Reply, Schema } from '../view/spec.ts'

interface OperationCardProps {
  operation: Operation
  /** The address of the page names it. */
  isChosen: boolean
}

export function OperationCard({ operation, isChosen }: OperationCardProps) {
  const { id, method, path, summary } = operation
  const [isOpen, setOpen] = useState(isChosen)
  const element = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    if (!isChosen) return
    setOpen(true)
    element.current?.scrollIntoView({ block: 'start' })
  }, [isChosen])
  return (
    <details
      class="operation"
      ref={element}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span class={`method ${method}`}>{method.toUpperCase()}</span>
        <code class="path">{path}</code>
        <span class="summary">{summary}</span>
      </summary>
      {isOpen && (
        <div class="operation-body">
          <Inside operation={operation} />
          <p class="note">
            <a class="link" href={`#${encodeURIComponent(id)}`}>
              Link to this
            </a>
          </p>
        </div>
      )}
    </details>
  )
}

function Inside({ operation }: { operation: Operation }) {
  const { summary, description, parameters, body, replies, needsToken } = operation
  const curl = curlOf(operation, location.origin)
  return (
    <>
      {description !== '' && description !== summary && <Sentences text={description} />}
      {needsToken && <p class="note">Needs a token, once the mesh has one.</p>}
      <div class="command-line">
        <pre tabIndex={0} aria-label="As a command">
          {curl}
        </pre>
        <CopyAction text={curl} label="Copy the command" />
      </div>
      {parameters.length > 0 && (
        <Fields
          title="Parameters"
          fields={parameters.map(
            ({ name, required = false, schema = {}, description: note = '', in: place }) => ({
              name,
              type: typeOf(schema),
              isNeeded: required,
              note: [place === 'query' ? '' : `in the ${place}`, note || (schema.description ?? '')]
                .filter(Boolean)
                .join('; ')
            })
          )}
        />
      )}
      {body !== undefined && <Body title="Body" schema={body} />}
      {replies.map((reply) => (
        <ReplyPart key={reply.status} reply={reply} />
      ))}
    </>
  )
}

/** Back quotes mark what is code. */
const Sentences = ({ text }: { text: string }) => (
  <p>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</p>
)

function Body({ title, schema }: { title: string; schema: Schema }) {
  const fields = fieldsOf(schema.items ?? schema)
  if (fields.length > 0) return <Fields title={title} fields={fields} />
  return (
    <p class="note">
      {title}: <code>{typeOf(schema)}</code>
    </p>
  )
}

function ReplyPart({ reply: { status, description, schema } }: { reply: Reply }) {
  const title = `Reply ${status}`
  const isError = /^[45]/.test(status)
  if (schema === undefined || isError) {
    return (
      <p class="note">
        {title}: {isError ? 'an error with its code and what to do' : description}
      </p>
    )
  }
  return <Body title={title} schema={schema} />
}

const Fields = ({ title, fields }: { title: string; fields: readonly Field[] }) => (
  <div class="fields">
    <h3>{title}</h3>
    <div class="fields-box" role="region" aria-label={title} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ name, type, isNeeded, note }) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
                {isNeeded && <span class="needed">needed</span>}
              </td>
              <td>
                <code>{type}</code>
              </td>
              <td>
                <Sentences text={note} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </div>
)
