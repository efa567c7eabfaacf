/**
 * The repository's own source files as the rules of the house see them: imports, names, functions.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')
const FOLDERS = '{cli,docs,examples,observability,services,shared,test,tools,web}'
/** Installed or built: nobody reads these. */
const BUILT = /(^|\/)(node_modules|dist|build|output)\//
/** Declarations repeat the names of the file that they describe, so they are left out. */
const SOURCE = /(?<!\.d)\.(ts|tsx|mts|mjs)$/

export interface Import {
  from: string
  /** A path from the root; packages and Node's own modules are not listed. */
  to: string
  /** Names taken; `*` where the whole module is. */
  names: string[]
}

interface FunctionSize {
  name: string
  lines: number
}

/** Every file of the folders that hold code, as paths from the root. */
export const allFiles = (): string[] =>
  globSync(`${FOLDERS}/**/*`, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !BUILT.test(file))
    .toSorted()

class Source {
  readonly file: string
  readonly text: string
  readonly #tree: ts.SourceFile

  constructor(file: string) {
    this.file = file
    this.text = readFileSync(join(ROOT, file), 'utf8')
    this.#tree = ts.createSourceFile(file, this.text, ts.ScriptTarget.Latest, true)
  }

  /** Imports of our own files, types and dynamic ones included. */
  imports(): Import[] {
    const imports: Import[] = []
    const add = (specifier: ts.Node | undefined, names: string[]) => {
      if (specifier === undefined || !ts.isStringLiteral(specifier)) return
      if (!/^[.#]/.test(specifier.text)) return
      imports.push({ from: this.file, to: this.#resolve(specifier.text), names })
    }
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, namesOf(node))
      if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, ['*'])
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        add(node.arguments[0], ['*'])
      }
      if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
        add(node.argument.literal, ['*'])
      }
      ts.forEachChild(node, visit)
    }
    visit(this.#tree)
    return imports
  }

  exports(): string[] {
    return this.#tree.statements.flatMap((statement) => {
      if (!ts.canHaveModifiers(statement)) return []
      const modifiers = ts.getModifiers(statement) ?? []
      if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
      if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return []
      if (!ts.isVariableStatement(statement)) return nameOf(statement) ?? []
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    })
  }

  /** Lines of every function, from its name to its last brace. */
  functions(): FunctionSize[] {
    const sizes: FunctionSize[] = []
    const lineAt = (position: number) => this.#tree.getLineAndCharacterOfPosition(position).line
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
        const lines = lineAt(node.getEnd()) - lineAt(node.getStart()) + 1
        sizes.push({ name: nameOf(node) ?? nameOf(node.parent) ?? 'a function', lines })
      }
      ts.forEachChild(node, visit)
    }
    visit(this.#tree)
    return sizes
  }

  /** Numbers of the lines that are too long although they hold no text that cannot be broken. */
  longLines(columnsMax: number): number[] {
    const unbreakable = this.#unbreakableLines()
    return this.text.split('\n').flatMap((line, index) => {
      const isLong = line.length > columnsMax && !unbreakable.has(index)
      return isLong ? [index + 1] : []
    })
  }

  /** Lines with a string, a template, a regular expression or an address in a comment. */
  #unbreakableLines(): Set<number> {
    const lines = new Set<number>()
    const lineAt = (position: number) => this.#tree.getLineAndCharacterOfPosition(position).line
    const visit = (node: ts.Node): void => {
      const isText =
        ts.isStringLiteralLike(node) ||
        ts.isTemplateExpression(node) ||
        ts.isRegularExpressionLiteral(node) ||
        ts.isJsxText(node)
      if (isText) {
        for (let at = lineAt(node.getStart()); at <= lineAt(node.getEnd()); at++) lines.add(at)
      }
      ts.forEachChild(node, visit)
    }
    visit(this.#tree)
    for (const [index, line] of this.text.split('\n').entries()) {
      if (/https?:\/\/\S+/.test(line)) lines.add(index)
    }
    return lines
  }

  #resolve(specifier: string): string {
    if (specifier.startsWith('#')) return specifier.slice(1)
    return relative(ROOT, resolve(ROOT, dirname(this.file), specifier))
  }
}

export const sourcesOf = (files: readonly string[]): Source[] =>
  files.filter((file) => SOURCE.test(file)).map((file) => new Source(file))

function namesOf({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings
  if (bindings === undefined) return importClause === undefined ? ['*'] : ['default']
  if (ts.isNamespaceImport(bindings)) return ['*']
  return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text)
}

function nameOf(node: ts.Node): string | undefined {
  const { name } = node as { name?: ts.Node }
  return name?.getText()
}

/**
 * Groups of nodes that reach each other, each in the order of its discovery: the strongly connected
 * components with more than one node (Tarjan 1972).
 */
export function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const visit = (node: string): void => {
    order.set(node, order.size)
    lowest.set(node, order.get(node)!)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      else if (!stack.includes(next)) continue
      lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!))
    }
    if (lowest.get(node) !== order.get(node)) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1) found.push(group)
  }
  for (const node of edges.keys()) if (!order.has(node)) visit(node)
  return found
}
