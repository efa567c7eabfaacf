/** What a function is called, and what goes into it and comes out, as a line of code. */
import type { ObjectBody, PortBody } from '../../mesh/bodies.ts'

export const nameOfObject = ({ owner, library, name }: ObjectBody): string =>
  `${owner}/${library}/${name}`

export function Signature({ signature: { inputs, outputs } }: Pick<ObjectBody, 'signature'>) {
  const returned = outputs.map(({ type = 'anything' }) => type).join(', ')
  return (
    <code class="signature">
      ({inputs.map(portText).join(', ')}){returned === '' ? '' : ` → ${returned}`}
    </code>
  )
}

function portText({ name, type, optional = false, ...port }: PortBody): string {
  const typed = type === undefined ? name : `${name}: ${type}`
  if ('default' in port) return `${typed} = ${JSON.stringify(port.default)}`
  return optional ? `${typed}?` : typed
}
