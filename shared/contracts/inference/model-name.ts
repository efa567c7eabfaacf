/** How a model is called: in requests, in reports of workers, in limits of tokens. */
import { PlainText } from '../plain-text.ts'

export const ModelName = PlainText(256, 1)

/** The model that comes with HAIF, for install checks and no assistant. */
export const BUILTIN_NAME = 'haif-tiny'
