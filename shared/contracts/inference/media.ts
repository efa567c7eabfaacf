/** Images and sounds in a chat. Engines of this mesh read text; a server behind one may do more. */
import { Type, type Static } from 'typebox'

/** As long as a text may be: a picture of 3 MB. */
const MEDIA_CHARACTERS_MAX = 4_194_304
export const MEDIA_MAX = 64

export const PartMedia = Type.Union([
  Type.Object({
    kind: Type.Literal('image'),
    /** A `data:` URL. */
    data: Type.String({ maxLength: MEDIA_CHARACTERS_MAX }),
    detail: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('low'), Type.Literal('high')])
    )
  }),
  Type.Object({
    kind: Type.Literal('audio'),
    /** In base64. */
    data: Type.String({ maxLength: MEDIA_CHARACTERS_MAX }),
    format: Type.String({ maxLength: 16 })
  })
])
export type PartMedia = Static<typeof PartMedia>

/**
 * Where it stands in the text of its message. In a past turn a word such as `[image]` stands there,
 * for models that read text only; in the newest turn nothing does, and they refuse it.
 */
export const Media = Type.Object({
  media: PartMedia,
  at: Type.Integer({ minimum: 0 }),
  wordLength: Type.Integer({ minimum: 0, maximum: 128 }),
  /** Its place in the caller's body, for a refusal. */
  param: Type.String({ maxLength: 128 })
})
export type Media = Static<typeof Media>
