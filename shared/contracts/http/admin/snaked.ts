/** The type of an HTTP body, made from that of the message: the same fields in snake_case. */

type SnakeName<Name extends string> = string extends Name
  ? Name
  : Name extends `${infer First}${infer Rest}`
    ? First extends Lowercase<First>
      ? `${First}${SnakeName<Rest>}`
      : `_${Lowercase<First>}${SnakeName<Rest>}`
    : Name

export type Snaked<Value> = Value extends readonly (infer Item)[]
  ? Snaked<Item>[]
  : Value extends object
    ? {
        [Name in keyof Value as Name extends string ? SnakeName<Name> : never]: Snaked<Value[Name]>
      }
    : Value
