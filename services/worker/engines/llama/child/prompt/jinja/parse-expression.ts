/** Expressions, with Jinja2's precedence: filters and tests bind tighter than any operator. */
import type { Arguments, Comparison, Expression, Operator } from './ast.ts'
import type { TokenStream } from './token-stream.ts'
import { float, NONE, type Value } from './values.ts'

interface TupleOptions {
  /** Names that end the tuple, such as `recursive`. */
  endNames?: readonly string[]
  /** False where `if` belongs to the statement. */
  withChoice?: boolean
  mayBeEmpty?: boolean
}

export class ExpressionParser {
  readonly #tokens: TokenStream

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
  }

  expression(withChoice = true): Expression {
    return withChoice ? this.#choice() : this.#or()
  }

  /** One expression, or a tuple where commas follow. */
  tuple({ endNames = [], withChoice = true, mayBeEmpty = false }: TupleOptions = {}): Expression {
    const items: Expression[] = []
    let isTuple = false
    const isEnd = () =>
      this.#tokens.is('close') ||
      this.#tokens.is('operator', ')') ||
      endNames.some((name) => this.#tokens.is('name', name))
    while (!isEnd()) {
      items.push(this.expression(withChoice))
      if (!this.#tokens.skipIf('operator', ',')) break
      isTuple = true
    }
    if (items.length === 0 && !mayBeEmpty) throw this.#tokens.error('expected an expression')
    return !isTuple && items.length === 1 ? items[0]! : { kind: 'list', items, isTuple: true }
  }

  /** Filters after a value: `| upper | trim`. */
  filters(of: Expression, isFirst = false): Expression {
    let value = of
    for (let first = isFirst; first || this.#tokens.skipIf('operator', '|'); first = false) {
      value = { kind: 'filter', of: value, name: this.#dottedName(), given: this.#optionalArgs() }
    }
    return value
  }

  #choice(): Expression {
    let value = this.#or()
    while (this.#tokens.skipIf('name', 'if')) {
      const test = this.#or()
      const no = this.#tokens.skipIf('name', 'else') ? this.#choice() : null
      value = { kind: 'choice', test, yes: value, no }
    }
    return value
  }

  #or(): Expression {
    let left = this.#and()
    while (this.#tokens.skipIf('name', 'or')) left = { kind: 'or', left, right: this.#and() }
    return left
  }

  #and(): Expression {
    let left = this.#not()
    while (this.#tokens.skipIf('name', 'and')) left = { kind: 'and', left, right: this.#not() }
    return left
  }

  #not(): Expression {
    return this.#tokens.skipIf('name', 'not') ? { kind: 'not', of: this.#not() } : this.#compare()
  }

  #compare(): Expression {
    const first = this.#sum()
    const rest: [Comparison, Expression][] = []
    for (;;) {
      const comparison = this.#comparison()
      if (comparison === null) break
      rest.push([comparison, this.#sum()])
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest }
  }

  #comparison(): Comparison | null {
    const { current, following } = this.#tokens
    if (current.kind === 'operator' && COMPARISONS.has(current.value)) {
      return this.#tokens.next().value as Comparison
    }
    if (this.#tokens.skipIf('name', 'in')) return 'in'
    if (!this.#tokens.is('name', 'not') || following.value !== 'in') return null
    this.#tokens.next()
    this.#tokens.next()
    return 'not in'
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#concat())
  }

  #concat(): Expression {
    const items = [this.#product()]
    while (this.#tokens.skipIf('operator', '~')) items.push(this.#product())
    return items.length === 1 ? items[0]! : { kind: 'concat', items }
  }

  #product(): Expression {
    return this.#binary(['*', '/', '//', '%'], () => this.#power())
  }

  #power(): Expression {
    return this.#binary(['**'], () => this.#unary())
  }

  #binary(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand()
    for (;;) {
      const operator = operators.find((each) => this.#tokens.is('operator', each))
      if (operator === undefined) return left
      this.#tokens.next()
      left = { kind: 'binary', operator, left, right: operand() }
    }
  }

  #unary(withFilters = true): Expression {
    let value: Expression
    if (this.#tokens.skipIf('operator', '-')) value = { kind: 'minus', of: this.#unary(false) }
    else if (this.#tokens.skipIf('operator', '+')) value = { kind: 'plus', of: this.#unary(false) }
    else value = this.#primary()
    value = this.#postfix(value)
    return withFilters ? this.#filtersAndChecks(value) : value
  }

  #primary(): Expression {
    const { kind, value } = this.#tokens.current
    if (kind === 'name') {
      this.#tokens.next()
      const constant = CONSTANTS[value]
      return constant === undefined ? { kind: 'name', name: value } : constant
    }
    if (kind === 'string') return { kind: 'constant', value: this.#strings() }
    if (kind === 'number')
      return { kind: 'constant', value: numberOfText(this.#tokens.next().value) }
    if (this.#tokens.skipIf('operator', '(')) {
      const inside = this.tuple({ mayBeEmpty: true })
      this.#tokens.expect('operator', ')')
      return inside
    }
    if (this.#tokens.skipIf('operator', '[')) return this.#list()
    if (this.#tokens.skipIf('operator', '{')) return this.#dict()
    throw this.#tokens.error('expected an expression')
  }

  #strings(): string {
    let text = ''
    while (this.#tokens.is('string')) text += this.#tokens.next().value
    return text
  }

  #list(): Expression {
    const items: Expression[] = []
    while (!this.#tokens.skipIf('operator', ']')) {
      if (items.length > 0) this.#tokens.expect('operator', ',')
      if (this.#tokens.skipIf('operator', ']')) break
      items.push(this.expression())
    }
    return { kind: 'list', items, isTuple: false }
  }

  #dict(): Expression {
    const entries: [Expression, Expression][] = []
    while (!this.#tokens.skipIf('operator', '}')) {
      if (entries.length > 0) this.#tokens.expect('operator', ',')
      if (this.#tokens.skipIf('operator', '}')) break
      const key = this.expression()
      this.#tokens.expect('operator', ':')
      entries.push([key, this.expression()])
    }
    return { kind: 'dict', entries }
  }

  #postfix(of: Expression): Expression {
    let value = of
    for (;;) {
      if (this.#tokens.skipIf('operator', '.')) value = this.#member(value)
      else if (this.#tokens.skipIf('operator', '[')) value = this.#subscript(value)
      else if (this.#tokens.is('operator', '(')) value = this.#call(value)
      else return value
    }
  }

  #filtersAndChecks(of: Expression): Expression {
    let value = of
    for (;;) {
      if (this.#tokens.is('operator', '|')) value = this.filters(value)
      else if (this.#tokens.skipIf('name', 'is')) value = this.#check(value)
      else if (this.#tokens.is('operator', '(')) value = this.#call(value)
      else return value
    }
  }

  #member(of: Expression): Expression {
    const { kind, value } = this.#tokens.next()
    if (kind === 'name') return { kind: 'attribute', of, name: value }
    if (kind !== 'number') throw this.#tokens.error('expected a name or a number')
    return { kind: 'item', of, key: { kind: 'constant', value: numberOfText(value) } }
  }

  #subscript(of: Expression): Expression {
    const bounds: (Expression | null)[] = [null]
    let isSlice = false
    while (!this.#tokens.skipIf('operator', ']')) {
      if (this.#tokens.skipIf('operator', ':')) {
        isSlice = true
        bounds.push(null)
      } else if (this.#tokens.skipIf('operator', ',')) {
        throw this.#tokens.error('a tuple is no index')
      } else bounds[bounds.length - 1] = this.expression()
    }
    if (isSlice) return { kind: 'slice', of, bounds }
    const key = bounds[0] ?? null
    if (key === null) throw this.#tokens.error('expected an index')
    return { kind: 'item', of, key }
  }

  #call(callee: Expression): Expression {
    return { kind: 'call', callee, given: this.#arguments() }
  }

  #check(of: Expression): Expression {
    const isNegated = this.#tokens.skipIf('name', 'not')
    const name = CHECK_SIGNS.has(this.#tokens.current.value)
      ? this.#tokens.next().value
      : this.#dottedName()
    const check: Expression = { kind: 'check', of, name, given: this.#checkArgs() }
    return isNegated ? { kind: 'not', of: check } : check
  }

  /** A test's one argument may stand without brackets: `is divisibleby 3`. */
  #checkArgs(): Arguments {
    if (this.#tokens.is('operator', '(')) return this.#arguments()
    const { kind, value } = this.#tokens.current
    const begins =
      kind === 'string' ||
      kind === 'number' ||
      (kind === 'name' && !ENDS_A_CHECK.has(value)) ||
      (kind === 'operator' && (value === '[' || value === '{'))
    return begins ? { ...NO_ARGUMENTS, args: [this.#postfix(this.#primary())] } : NO_ARGUMENTS
  }

  #optionalArgs(): Arguments {
    return this.#tokens.is('operator', '(') ? this.#arguments() : NO_ARGUMENTS
  }

  #arguments(): Arguments {
    this.#tokens.expect('operator', '(')
    const args: Expression[] = []
    const named: [string, Expression][] = []
    let [spread, namedSpread]: (Expression | null)[] = [null, null]
    while (!this.#tokens.skipIf('operator', ')')) {
      const { current, following } = this.#tokens
      if (this.#tokens.skipIf('operator', '**')) namedSpread = this.expression()
      else if (this.#tokens.skipIf('operator', '*')) spread = this.expression()
      else if (
        current.kind === 'name' &&
        following.kind === 'operator' &&
        following.value === '='
      ) {
        this.#tokens.next()
        this.#tokens.next()
        named.push([current.value, this.expression()])
      } else args.push(this.expression())
      if (!this.#tokens.is('operator', ')')) this.#tokens.expect('operator', ',')
    }
    return { args, named, spread: spread ?? null, namedSpread: namedSpread ?? null }
  }

  #dottedName(): string {
    let name = this.#tokens.expect('name').value
    while (this.#tokens.skipIf('operator', '.')) name += `.${this.#tokens.expect('name').value}`
    return name
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
const CHECK_SIGNS = COMPARISONS
const ENDS_A_CHECK = new Set(['else', 'or', 'and', 'is', 'if', 'in', 'not', 'recursive'])
const NO_ARGUMENTS: Arguments = { args: [], named: [], spread: null, namedSpread: null }

const constant = (value: Value): Expression => ({ kind: 'constant', value })
const CONSTANTS: Readonly<Record<string, Expression>> = Object.assign(
  Object.create(null) as Record<string, Expression>,
  {
    true: constant(true),
    True: constant(true),
    false: constant(false),
    False: constant(false),
    none: constant(NONE),
    None: constant(NONE)
  }
)

function numberOfText(text: string): Value {
  const digits = text.replaceAll('_', '')
  if (/^\d+$/.test(digits) || /^0[xob]/i.test(digits)) {
    const whole = BigInt(digits)
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole
  }
  return float(Number(digits))
}
