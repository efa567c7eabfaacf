/** `response_format`, as OpenAI writes it. */
import type { HttpResponseFormat } from '#shared/contracts/http/infer.ts'
import type { ResponseFormat } from '#shared/contracts/inference/request.ts'

export function readFormat(format: HttpResponseFormat | undefined): ResponseFormat | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json' }
    case 'json_schema':
      return { type: 'jsonSchema', schema: format.json_schema.schema }
  }
}
