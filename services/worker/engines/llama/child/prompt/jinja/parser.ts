/** A template's statements. Blocks that need other files (`include`, `extends`) are refused. */
import type { Body, Expression, Parameter, Statement, Target } from './ast.ts'
import { tokenize } from './lexer.ts'
import { ExpressionParser } from './parse-expression.ts'
import { TokenStream } from './token-stream.ts'

/** Throws a `TemplateError` that names the line. */
export function parseTemplate(template: string): Body {
  return new Parser(new TokenStream(tokenize(template))).template()
}

class Parser {
  readonly #tokens: TokenStream
  readonly #expressions: ExpressionParser

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
    this.#expressions = new ExpressionParser(tokens)
  }

  template(): Body {
    const body = this.#body([])
    if (!this.#tokens.is('end')) throw this.#tokens.error('unexpected block')
    return body
  }

  /** Statements up to a block with one of the names, which stays; `{%` before it is taken. */
  #body(ends: readonly string[]): Body {
    const body: Statement[] = []
    for (;;) {
      const { kind, value } = this.#tokens.current
      if (kind === 'end') {
        if (ends.length > 0) throw this.#tokens.error(`expected ${ends.join(' or ')}`)
        return body
      }
      this.#tokens.next()
      if (kind === 'text') body.push({ kind: 'text', text: value })
      else if (value === '{{') {
        body.push({ kind: 'output', value: this.#expressions.tuple() })
        this.#tokens.expect('close')
      } else {
        if (ends.includes(this.#tokens.current.value)) return body
        body.push(this.#statement())
      }
    }
  }

  #statement(): Statement {
    const name = this.#tokens.expect('name').value
    switch (name) {
      case 'if':
        return this.#if()
      case 'for':
        return this.#for()
      case 'set':
        return this.#set()
      case 'macro':
        return this.#macro()
      case 'call':
        return this.#callBlock()
      case 'filter':
        return this.#filterBlock()
      case 'with':
        return this.#with()
      case 'generation': // marks the parts that a training run learns; it writes nothing
        return { kind: 'with', values: [], body: this.#bodyAndEnd('endgeneration') }
      case 'do':
        return this.#closed({ kind: 'do', value: this.#expressions.tuple() })
      case 'break':
      case 'continue':
        return this.#closed({ kind: name })
      default:
        throw this.#tokens.error(`unknown block ${JSON.stringify(name)}`)
    }
  }

  #closed(statement: Statement): Statement {
    this.#tokens.expect('close')
    return statement
  }

  /** The body of a block that begins behind `%}`, and its end. */
  #bodyAndEnd(end: string): Body {
    this.#tokens.expect('close')
    const body = this.#body([end])
    this.#tokens.expect('name', end)
    if (!this.#tokens.is('close')) this.#tokens.next() // `endmacro name` repeats the name
    this.#tokens.expect('close')
    return body
  }

  #if(): Statement {
    const test = this.#expressions.tuple({ withChoice: false })
    this.#tokens.expect('close')
    const body = this.#body(['elif', 'else', 'endif'])
    return { kind: 'if', test, body, otherwise: this.#otherwise() }
  }

  #otherwise(): Body {
    if (this.#tokens.skipIf('name', 'elif')) return [this.#if()]
    if (this.#tokens.skipIf('name', 'else')) return this.#bodyAndEnd('endif')
    this.#tokens.expect('name', 'endif')
    this.#tokens.expect('close')
    return []
  }

  #for(): Statement {
    const target = this.#targets('in')
    this.#tokens.expect('name', 'in')
    const items = this.#expressions.tuple({ withChoice: false, endNames: ['recursive', 'if'] })
    const test = this.#tokens.skipIf('name', 'if') ? this.#expressions.expression() : null
    const isRecursive = this.#tokens.skipIf('name', 'recursive')
    this.#tokens.expect('close')
    const body = this.#body(['else', 'endfor'])
    const otherwise = this.#tokens.skipIf('name', 'else') ? this.#bodyAndEnd('endfor') : null
    if (otherwise === null) {
      this.#tokens.expect('name', 'endfor')
      this.#tokens.expect('close')
    }
    return { kind: 'for', target, items, test, isRecursive, body, otherwise: otherwise ?? [] }
  }

  #set(): Statement {
    const target = this.#targets()
    if (this.#tokens.skipIf('operator', '=')) {
      return this.#closed({ kind: 'set', target, value: this.#expressions.tuple() })
    }
    const filter = this.#expressions.filters(BODY)
    return { kind: 'setBlock', target, filter, body: this.#bodyAndEnd('endset') }
  }

  #targets(end?: string): Target {
    const items: Target[] = []
    let isTuple = false
    do {
      if (this.#tokens.is('operator', '=') || (end !== undefined && this.#tokens.is('name', end))) {
        break
      }
      items.push(this.#target())
      isTuple ||= this.#tokens.is('operator', ',')
    } while (this.#tokens.skipIf('operator', ','))
    if (items.length === 0) throw this.#tokens.error('expected a name')
    return isTuple ? { kind: 'targets', items } : items[0]!
  }

  #target(): Target {
    if (this.#tokens.skipIf('operator', '(')) {
      const inside = this.#targets()
      this.#tokens.expect('operator', ')')
      return inside
    }
    const name = this.#tokens.expect('name').value
    if (!this.#tokens.skipIf('operator', '.')) return { kind: 'name', name }
    return { kind: 'attribute', name, attribute: this.#tokens.expect('name').value }
  }

  #macro(): Statement {
    const name = this.#tokens.expect('name').value
    const parameters = this.#parameters()
    return { kind: 'macro', name, parameters, body: this.#bodyAndEnd('endmacro') }
  }

  #callBlock(): Statement {
    const parameters = this.#tokens.is('operator', '(') ? this.#parameters() : []
    const call = this.#expressions.expression()
    if (call.kind !== 'call') throw this.#tokens.error('expected a call')
    return { kind: 'callBlock', call, parameters, body: this.#bodyAndEnd('endcall') }
  }

  #parameters(): Parameter[] {
    this.#tokens.expect('operator', '(')
    const parameters: Parameter[] = []
    while (!this.#tokens.skipIf('operator', ')')) {
      if (parameters.length > 0) this.#tokens.expect('operator', ',')
      if (this.#tokens.skipIf('operator', ')')) break
      const name = this.#tokens.expect('name').value
      const hasValue = this.#tokens.skipIf('operator', '=')
      parameters.push({ name, value: hasValue ? this.#expressions.expression() : null })
    }
    return parameters
  }

  #filterBlock(): Statement {
    const filter = this.#expressions.filters(BODY, true)
    return { kind: 'filterBlock', filter, body: this.#bodyAndEnd('endfilter') }
  }

  #with(): Statement {
    const values: [Target, Expression][] = []
    while (!this.#tokens.is('close')) {
      if (values.length > 0) this.#tokens.expect('operator', ',')
      const target = this.#target()
      this.#tokens.expect('operator', '=')
      values.push([target, this.#expressions.expression()])
    }
    return { kind: 'with', values, body: this.#bodyAndEnd('endwith') }
  }
}

const BODY: Expression = { kind: 'body' }
