/**
 * The validator of a schema, compiled at its first use: a process imports the contracts of every
 * service and speaks a few of them, and to compile all took a tenth of its start. Called as
 * TypeBox's own is.
 */
import type { Static, TSchema } from 'typebox'
import { Compile as compileNow, type Validator as Compiled } from 'typebox/compile'
import type { TLocalizedValidationError as SchemaError } from 'typebox/error'

export class Validator<Schema extends TSchema = TSchema> {
  readonly #schema: Schema
  #compiled: Compiled | null = null

  constructor(schema: Schema) {
    this.#schema = schema
  }

  Check(value: unknown): value is Static<Schema> {
    this.#compiled ??= compileNow(this.#schema)
    return this.#compiled.Check(value)
  }

  Errors(value: unknown): SchemaError[] {
    this.#compiled ??= compileNow(this.#schema)
    return this.#compiled.Errors(value)
  }

  Type(): Schema {
    return this.#schema
  }
}

export const Compile = <Schema extends TSchema>(schema: Schema): Validator<Schema> =>
  new Validator(schema)
