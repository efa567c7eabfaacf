/** Reads the text of a message from a string or from content parts. */
import type { Content } from '#shared/contracts/http/chat.ts'
import { invalid, unsupported } from './body.ts'

/** `param` is the content's place in the body, for error messages. */
export function textOf(content: Content, param: string): string {
  if (typeof content === 'string') return content
  return content.map((part, index) => partText(part, `${param}[${index}]`)).join('')
}

function partText(part: Exclude<Content, string>[number], param: string): string {
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      if (part.text !== undefined) return part.text
      throw invalid(`${param}.text`, `${param}.text is missing`)
    case 'refusal':
      return part.refusal ?? ''
    default:
      throw unsupported(
        param,
        `${param} is of type ${JSON.stringify(part.type)}, and the models here read text only`
      )
  }
}
