/**
 * The types of `haif/client`, in one file for a package that has no sources: what TypeScript says
 * of the client, with the bodies of the mesh spelled out as it infers them from the contracts.
 */
import { resolve } from 'node:path'
import ts from 'typescript'

export function clientTypes(root) {
  const file = resolve(root, 'shared/client/haif-client.ts')
  const { config } = ts.readConfigFile(resolve(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path)
  )
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const declarations = { noEmit: false, declaration: true, emitDeclarationOnly: true }
  const program = ts.createProgram([file], { ...options, ...declarations })
  const source = program.getSourceFile(file)
  let text = ''
  program.emit(source, (_, written) => (text = written), undefined, true)
  const bodies = []
  const imports = /^import type \{([^}]+)\} from '[^']+';\n/gm
  const own = text.replaceAll(imports, (_, names) => {
    bodies.push(...names.split(',').map((name) => name.trim()))
    return ''
  })
  if (text === '' || /^import/m.test(own)) throw new Error('the types of haif/client need others')
  const spelled = bodies.map((name) => `type ${name} = ${spelledOut(program, source, name)}\n`)
  return [own.trimEnd(), '', ...spelled].join('\n')
}

/** A type that the client imports, without the names of the contracts. */
function spelledOut(program, source, name) {
  const checker = program.getTypeChecker()
  const symbol = checker.resolveName(name, source, ts.SymbolFlags.Alias, false)
  const type = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(symbol))
  const { NoTruncation, InTypeAlias, MultilineObjectLiterals } = ts.NodeBuilderFlags
  const flags = NoTruncation | InTypeAlias | MultilineObjectLiterals
  const node = checker.typeToTypeNode(type, undefined, flags)
  return ts.createPrinter().printNode(ts.EmitHint.Unspecified, node, source)
}
