/** docs/errors.md: generated from shared/errors.ts, whose "raised by" is compared with the code. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import { ERRORS, isErrorCode, type ErrorCode } from '#shared/errors.ts'
import { ERRORS_PAGE, errorsPage } from '../../docs/generate/errors-page.ts'

const root = resolve(import.meta.dirname, '../..')

test('docs/errors.md says what shared/errors.ts says (npm run docs)', () => {
  assert.equal(readFileSync(ERRORS_PAGE, 'utf8'), errorsPage())
})

test('the table of errors names exactly the areas whose code raises each code', () => {
  const raised = areasThatRaise()
  const wrong = Object.entries(ERRORS).flatMap(([code, { raisedBy }]) => {
    const [table, areas] = [raisedBy.split(', '), [...raised.get(code)!]]
    if (sameNames(table, areas)) return []
    return [`${code}: raisedBy says ${raisedBy}, and the code ${areas.join(', ')}`]
  })
  assert.deepEqual(wrong, [], 'correct raisedBy in shared/errors.ts, then npm run docs')
})

const sameNames = (some: string[], others: string[]) =>
  some.toSorted().join() === others.toSorted().join()

/** The areas for each code: those of `toHaifError` are "any", because everyone calls it. */
function areasThatRaise(): Map<string, Set<string>> {
  const areas = new Map(Object.keys(ERRORS).map((code) => [code, new Set<string>()]))
  for (const file of globSync('{cli,services,shared}/**/*.{ts,mjs}', { cwd: root })) {
    for (const code of codesRaisedIn(file)) areas.get(code)!.add(areaOf(file))
  }
  for (const [code, found] of areas) if (found.has('any')) areas.set(code, new Set(['any']))
  return areas
}

function areaOf(file: string): string {
  const [first, second] = file.split('/')
  if (file === 'shared/errors.ts') return 'any'
  if (first === 'shared') return `shared/${second}`
  return first === 'services' ? second! : first!
}

/**
 * A code is raised where it is handed to something that makes an error: an argument, a parameter's
 * default, or what a function may return. Comparisons, lists and schemas only talk about codes.
 */
function codesRaisedIn(file: string): ErrorCode[] {
  const text = readFileSync(join(root, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const codes: ErrorCode[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && isErrorCode(node.text) && isHandedOn(node))
      codes.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return codes
}

function isHandedOn(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isConditionalExpression(parent)) return isHandedOn(parent)
  return (
    ts.isNewExpression(parent) ||
    ts.isCallExpression(parent) ||
    ts.isParameter(parent) ||
    ts.isReturnStatement(parent) ||
    ts.isArrowFunction(parent) ||
    ts.isVariableDeclaration(parent)
  )
}
