/** What clients of `/v1/…` get instead of an answer, also as the last event of a broken stream. */
import { Type, type Static } from 'typebox'

export const OpenAiErrorBody = Type.Object(
  {
    error: Type.Object(
      {
        message: Type.String({ description: 'For people: what happened, and what to do.' }),
        type: Type.Union([
          Type.Literal('invalid_request_error'),
          Type.Literal('authentication_error'),
          Type.Literal('permission_error'),
          Type.Literal('rate_limit_error'),
          Type.Literal('server_error')
        ]),
        param: Type.Union([Type.String(), Type.Null()], {
          description: 'The field of the body that is wrong.'
        }),
        code: Type.Union([Type.String(), Type.Null()], {
          description: 'As in docs/errors.md in small letters, or the word that OpenAI has for it.'
        })
      },
      { additionalProperties: false }
    )
  },
  {
    title: 'OpenAI error',
    description: 'An error.',
    additionalProperties: false,
    examples: [
      {
        error: {
          message: 'no worker holds the model gpt-4o',
          type: 'invalid_request_error',
          param: 'model',
          code: 'model_not_found'
        }
      }
    ]
  }
)
export type OpenAiErrorBody = Static<typeof OpenAiErrorBody>
