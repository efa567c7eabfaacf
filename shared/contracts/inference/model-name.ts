/** How a model is called: in requests, in reports of workers, in limits of tokens. */
import { Type } from 'typebox'

export const ModelName = Type.String({ minLength: 1, maxLength: 256 })
