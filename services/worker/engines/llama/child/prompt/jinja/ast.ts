/** A template after parsing. */
import type { Value } from './values.ts'

export interface Arguments {
  args: readonly Expression[]
  named: readonly (readonly [string, Expression])[]
  /** `*list` and `**mapping`. */
  spread: Expression | null
  namedSpread: Expression | null
}

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**'
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in'

export type Expression =
  | { kind: 'constant'; value: Value }
  | { kind: 'name'; name: string }
  | { kind: 'list'; items: readonly Expression[]; isTuple: boolean }
  | { kind: 'dict'; entries: readonly (readonly [Expression, Expression])[] }
  | { kind: 'attribute'; of: Expression; name: string }
  | { kind: 'item'; of: Expression; key: Expression }
  | { kind: 'slice'; of: Expression; bounds: readonly (Expression | null)[] }
  | { kind: 'call'; callee: Expression; given: Arguments }
  | { kind: 'filter'; of: Expression; name: string; given: Arguments }
  | { kind: 'check'; of: Expression; name: string; given: Arguments }
  | { kind: 'not'; of: Expression }
  | { kind: 'minus' | 'plus'; of: Expression }
  | { kind: 'binary'; operator: Operator; left: Expression; right: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'concat'; items: readonly Expression[] }
  | { kind: 'compare'; first: Expression; rest: readonly (readonly [Comparison, Expression])[] }
  | { kind: 'choice'; test: Expression; yes: Expression; no: Expression | null }
  /** The body of a `{% filter %}` or `{% set x | f %}` block. */
  | { kind: 'body' }

export type Target =
  | { kind: 'name'; name: string }
  | { kind: 'attribute'; name: string; attribute: string }
  | { kind: 'targets'; items: readonly Target[] }

export interface Parameter {
  name: string
  value: Expression | null
}

export type Statement =
  | { kind: 'text'; text: string }
  | { kind: 'output' | 'do'; value: Expression }
  | { kind: 'if'; test: Expression; body: Body; otherwise: Body }
  | ForStatement
  | { kind: 'set'; target: Target; value: Expression }
  | { kind: 'setBlock'; target: Target; filter: Expression; body: Body }
  | { kind: 'filterBlock'; filter: Expression; body: Body }
  | { kind: 'macro'; name: string; parameters: readonly Parameter[]; body: Body }
  | { kind: 'callBlock'; call: Expression; parameters: readonly Parameter[]; body: Body }
  | { kind: 'with'; values: readonly (readonly [Target, Expression])[]; body: Body }
  | { kind: 'break' | 'continue' }

export interface ForStatement {
  kind: 'for'
  target: Target
  items: Expression
  test: Expression | null
  isRecursive: boolean
  body: Body
  otherwise: Body
}

export type Body = readonly Statement[]
