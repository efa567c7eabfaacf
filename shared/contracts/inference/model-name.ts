/** How a model is called: in requests, in reports of workers, in limits of tokens. */
import { Type } from 'typebox'

export const ModelName = Type.String({ minLength: 1, maxLength: 256 })

/** The model that comes with HAIF, for install checks and no assistant. */
export const BUILTIN_NAME = 'haif-tiny'
