/**
 * Runs a parsed template. Jinja2's scopes: a loop's body, a macro and a `with` block have one of
 * their own, an `if` has none; only a namespace carries a value out of a loop. The work is bounded
 * by steps, because a template comes out of a file that anyone may have made.
 */
import type {
  Arguments,
  Body,
  Expression,
  ForStatement,
  Parameter,
  Statement,
  Target
} from './ast.ts'
import { check } from './checks.ts'
import { applyFilter } from './filters.ts'
import { assertSize, attributeOf, holds, itemOf, itemsOf, operate, sliceOf } from './operators.ts'
import { Loop } from './loop.ts'
import { Scope } from './scope.ts'
import { concat, isStr, raw, type Str } from './text.ts'
import {
  Callable,
  Dict,
  EndlessTemplate,
  float,
  isFloat,
  isNumber,
  isTrue,
  List,
  Namespace,
  NONE,
  numberOf,
  TemplateError,
  textOfValue,
  typeName,
  Undefined,
  type Given,
  type Value
} from './values.ts'

/** Calls of macros within each other. */
const DEPTH_MAX = 200

type RarerExpression = Extract<
  Expression,
  {
    kind: 'call' | 'filter' | 'check' | 'list' | 'dict' | 'slice' | 'minus' | 'plus' | 'body'
  }
>

type Flow = 'next' | 'break' | 'continue'

/** Where statements write and look up names. */
interface Frame {
  scope: Scope
  out: Str[]
  /** Of a filter block: its text. */
  body?: Str
}

export class Interpreter {
  readonly #stepsMax: number
  #steps = 0
  #depth = 0
  #size = 0

  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax
  }

  run(body: Body, globals: Iterable<readonly [string, Value]>): Str {
    const out: Str[] = []
    this.#execute(body, { scope: new Scope(null, globals), out })
    return concat(out)
  }

  #execute(body: Body, frame: Frame): Flow {
    for (const statement of body) {
      this.#step()
      const flow = this.#statement(statement, frame)
      if (flow !== 'next') return flow
    }
    return 'next'
  }

  #step(): void {
    if (++this.#steps <= this.#stepsMax) return
    throw new EndlessTemplate('the template takes too many steps')
  }

  #statement(statement: Statement, frame: Frame): Flow {
    switch (statement.kind) {
      case 'text':
        this.#write(statement.text, frame)
        return 'next'
      case 'output':
        this.#write(textOfValue(this.#value(statement.value, frame)), frame)
        return 'next'
      case 'do':
        this.#value(statement.value, frame)
        return 'next'
      case 'if': {
        const isMet = isTrue(this.#value(statement.test, frame))
        return this.#execute(isMet ? statement.body : statement.otherwise, frame)
      }
      case 'for':
        this.#for(statement, frame)
        return 'next'
      case 'set':
        this.#assign(statement.target, this.#value(statement.value, frame), frame)
        return 'next'
      case 'setBlock':
        this.#assign(statement.target, this.#filtered(statement, frame), frame)
        return 'next'
      case 'filterBlock':
        this.#write(textOfValue(this.#filtered(statement, frame)), frame)
        return 'next'
      case 'macro':
        frame.scope.set(statement.name, this.#macro(statement.parameters, statement.body, frame))
        return 'next'
      case 'callBlock':
        this.#write(textOfValue(this.#callBlock(statement, frame)), frame)
        return 'next'
      case 'with': {
        const scope = new Scope(frame.scope)
        for (const [target, value] of statement.values) {
          this.#assign(target, this.#value(value, frame), { ...frame, scope })
        }
        return this.#execute(statement.body, { ...frame, scope })
      }
      case 'break':
      case 'continue':
        return statement.kind
    }
  }

  #write(text: Str, { out }: Frame): void {
    if (raw(text) === '') return
    this.#size += raw(text).length
    assertSize(this.#size)
    out.push(text)
  }

  #filtered({ filter, body }: { filter: Expression; body: Body }, frame: Frame): Value {
    const out: Str[] = []
    this.#execute(body, { scope: new Scope(frame.scope), out })
    return this.#value(filter, { ...frame, body: concat(out) })
  }

  #assign(target: Target, value: Value, frame: Frame): void {
    switch (target.kind) {
      case 'name':
        frame.scope.set(target.name, value)
        return
      case 'attribute': {
        const owner = frame.scope.get(target.name)
        if (owner instanceof Namespace) owner.set(target.attribute, value)
        // Jinja2 refuses this; templates written for other engines set a key so.
        else if (owner instanceof Dict) owner.set(target.attribute, value)
        else throw new TemplateError(`cannot assign attribute on ${target.name}: no namespace`)
        return
      }
      case 'targets': {
        const values = itemsOf(value)
        if (values.length !== target.items.length) {
          throw new TemplateError(
            `cannot unpack ${values.length} into ${target.items.length} names`
          )
        }
        target.items.forEach((each, i) => this.#assign(each, values[i]!, frame))
      }
    }
  }

  #for(statement: ForStatement, frame: Frame, given?: Value, depth = 1): void {
    const all = itemsOf(given ?? this.#value(statement.items, frame))
    const items = all.filter((item) => this.#isWanted(statement, item, frame))
    if (items.length === 0) {
      this.#execute(statement.otherwise, frame)
      return
    }
    const recursive = new Callable(({ args }) => {
      const out: Str[] = []
      this.#nested(() => this.#for(statement, { ...frame, out }, args[0] ?? NONE, depth + 1))
      return concat(out)
    })
    const loop = new Loop(items, depth, statement.isRecursive ? recursive : null)
    for (const item of items) {
      this.#step()
      loop.at++
      const scope = new Scope(frame.scope)
      this.#assign(statement.target, item, { ...frame, scope })
      scope.set('loop', loop)
      if (this.#execute(statement.body, { ...frame, scope }) === 'break') break
    }
  }

  #isWanted({ test, target }: ForStatement, item: Value, frame: Frame): boolean {
    if (test === null) return true
    this.#step()
    const inner = { ...frame, scope: new Scope(frame.scope) }
    this.#assign(target, item, inner)
    return isTrue(this.#value(test, inner))
  }

  #macro(parameters: readonly Parameter[], body: Body, { scope: outer }: Frame): Callable {
    return new Callable((given) => {
      const scope = new Scope(outer)
      const frame: Frame = { scope, out: [] }
      parameters.forEach(({ name, value }, i) => {
        const otherwise = () =>
          value === null
            ? new Undefined(`parameter '${name}' was not provided`)
            : this.#value(value, frame)
        scope.set(name, given.args[i] ?? given.named.get(name) ?? otherwise())
      })
      const caller = given.named.get('caller')
      if (caller !== undefined) scope.set('caller', caller)
      const known = new Set(parameters.map(({ name }) => name))
      const rest = [...given.named].filter(([name]) => !known.has(name) && name !== 'caller')
      scope.set('varargs', new List(given.args.slice(parameters.length), true))
      scope.set('kwargs', new Dict(rest))
      this.#nested(() => this.#execute(body, frame))
      return concat(frame.out)
    })
  }

  #nested(run: () => void): void {
    if (++this.#depth > DEPTH_MAX) throw new TemplateError('the template calls itself too deeply')
    run()
    this.#depth--
  }

  #callBlock(
    { call, parameters, body }: Extract<Statement, { kind: 'callBlock' }>,
    frame: Frame
  ): Value {
    if (call.kind !== 'call') throw new TemplateError('a call block needs a call')
    const { args, named } = this.#given(call.given, frame)
    const caller = this.#macro(parameters, body, frame)
    return this.#call(this.#value(call.callee, frame), {
      args,
      named: new Map([...named, ['caller', caller]])
    })
  }

  #value(expression: Expression, frame: Frame): Value {
    this.#step()
    switch (expression.kind) {
      case 'constant':
        return expression.value
      case 'name':
        return frame.scope.get(expression.name) ?? unknown(expression.name)
      case 'attribute':
        return attributeOf(this.#value(expression.of, frame), expression.name)
      case 'item':
        return itemOf(this.#value(expression.of, frame), this.#value(expression.key, frame))
      case 'and': {
        const left = this.#value(expression.left, frame)
        return isTrue(left) ? this.#value(expression.right, frame) : left
      }
      case 'or': {
        const left = this.#value(expression.left, frame)
        return isTrue(left) ? left : this.#value(expression.right, frame)
      }
      case 'not':
        return !isTrue(this.#value(expression.of, frame))
      case 'compare':
        return this.#compare(expression, frame)
      case 'concat':
        return concat(expression.items.map((item) => textOfValue(this.#value(item, frame))))
      case 'binary': {
        const left = this.#value(expression.left, frame)
        return operate(expression.operator, left, this.#value(expression.right, frame))
      }
      case 'choice':
        if (isTrue(this.#value(expression.test, frame))) return this.#value(expression.yes, frame)
        return expression.no === null ? new Undefined('') : this.#value(expression.no, frame)
      case 'call':
      case 'filter':
      case 'check':
      case 'list':
      case 'dict':
      case 'slice':
      case 'minus':
      case 'plus':
      case 'body':
        return this.#rarer(expression, frame)
    }
  }

  #rarer(expression: RarerExpression, frame: Frame): Value {
    switch (expression.kind) {
      case 'call':
        return this.#call(
          this.#value(expression.callee, frame),
          this.#given(expression.given, frame)
        )
      case 'filter': {
        const value = this.#value(expression.of, frame)
        return this.filter(expression.name, value, this.#given(expression.given, frame))
      }
      case 'check': {
        const value = this.#value(expression.of, frame)
        return this.check(expression.name, value, this.#given(expression.given, frame))
      }
      case 'list': {
        const items = expression.items.map((item) => this.#value(item, frame))
        return new List(items, expression.isTuple)
      }
      case 'dict':
        return new Dict(
          expression.entries.map(([key, each]) => [
            this.#value(key, frame),
            this.#value(each, frame)
          ])
        )
      case 'slice':
        return sliceOf(
          this.#value(expression.of, frame),
          expression.bounds.map((bound) => bound && this.#value(bound, frame))
        )
      case 'minus':
      case 'plus':
        return signed(this.#value(expression.of, frame), expression.kind)
      case 'body':
        return frame.body ?? ''
    }
  }

  #compare({ first, rest }: Extract<Expression, { kind: 'compare' }>, frame: Frame): boolean {
    let left = this.#value(first, frame)
    for (const [comparison, expression] of rest) {
      const right = this.#value(expression, frame)
      if (!holds(comparison, left, right)) return false
      left = right
    }
    return true
  }

  #given({ args, named, spread, namedSpread }: Arguments, frame: Frame): Given {
    const values = args.map((arg) => this.#value(arg, frame))
    if (spread !== null) values.push(...itemsOf(this.#value(spread, frame)))
    const names = new Map(named.map(([name, value]) => [name, this.#value(value, frame)]))
    const more = namedSpread === null ? null : this.#value(namedSpread, frame)
    if (more instanceof Dict) {
      for (const [name, value] of more.entries()) if (isStr(name)) names.set(raw(name), value)
    }
    return { args: values, named: names }
  }

  #call(callee: Value, given: Given): Value {
    if (callee instanceof Callable) return callee.call(given)
    if (callee instanceof Loop && callee.recursive !== null) return callee.recursive.call(given)
    if (callee instanceof Undefined) throw new TemplateError(callee.message)
    throw new TemplateError(`'${typeName(callee)}' object is not callable`)
  }

  /** Arrows, because filters such as `map` look up others through this object. */
  readonly filter = (name: string, value: Value, given: Given): Value => {
    this.#step()
    return applyFilter(name, value, given, this)
  }

  readonly check = (name: string, value: Value, given: Given): boolean => {
    this.#step()
    return check(name, value, given)
  }
}

const unknown = (name: string) => new Undefined(`'${name}' is undefined`)

function signed(value: Value, sign: 'minus' | 'plus'): Value {
  if (!isNumber(value) && typeof value !== 'boolean') {
    throw new TemplateError(`bad operand type for a sign: '${typeName(value)}'`)
  }
  if (sign === 'plus') return value
  if (typeof value === 'bigint') return -value
  return isFloat(value) ? float(-numberOf(value)) : 0 - numberOf(value)
}
