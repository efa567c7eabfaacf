/** What HTTP clients get instead of an answer, also as the data of an `error` event. */
import { Type, type Static } from 'typebox'

export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'From the table in docs/errors.md; does not change.' }),
      message: Type.String({ description: 'For people: what happened, and what to do.' }),
      request_id: Type.String({ description: 'The same as in `x-request-id` and in the logs.' }),
      details: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          description: '`param` names the field, if it is one.'
        })
      )
    })
  },
  {
    description: 'An error.',
    examples: [
      {
        error: {
          code: 'VALIDATION_FAILED',
          message: 'max_tokens must be >= 1',
          request_id: '0b7c6a53-6a0b-4a63-8f0e-2f0d2f1c9a77',
          details: { param: 'max_tokens' }
        }
      }
    ]
  }
)
export type ErrorBody = Static<typeof ErrorBody>

/** Of jobs: the same on one level. */
export const FlatErrorBody = Type.Object(
  {
    error: ErrorBody.properties.error.properties.message,
    code: ErrorBody.properties.error.properties.code,
    request_id: ErrorBody.properties.error.properties.request_id,
    details: ErrorBody.properties.error.properties.details
  },
  { description: 'An error.' }
)
export type FlatErrorBody = Static<typeof FlatErrorBody>
