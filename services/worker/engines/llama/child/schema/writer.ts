/** What the rules of objects and arrays need of the writer of all rules. */
import type { Place } from './alternatives.ts'
import type { Schema } from './references.ts'
import type { Needs, Rules } from './rules.ts'

export interface ValueWriter {
  readonly rules: Rules
  /** The few spaces or line breaks that are allowed between the parts of a value. */
  readonly space: string
  /** The name of the rule of a schema's values; null when it has none. */
  value(schema: Schema, place: Place): string | null
  /** The values of a schema that has only a few; null for all others. */
  fewValues(schema: Schema, place: Place): readonly unknown[] | null
}

export interface Expression {
  text: string
  needs: Needs
}
