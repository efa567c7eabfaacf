/** Objects of the catalogue and runs of them as lines of text. */
import type { Port } from '#shared/contracts/functions/bundle.ts'
import type { ObjectDetail, ObjectView } from '#shared/contracts/functions/objects.ts'
import type { RunView } from '#shared/contracts/functions/runs.ts'
import { table, type Cell } from './table.ts'
import { spanText, state } from './render-jobs.ts'
import { paint, printable, printableLine, shortKey, type Screen } from './terminal.ts'

const RESULT_CHARACTERS_MAX = 4000

const nameOf = ({ owner, library, name }: Pick<ObjectView, 'owner' | 'library' | 'name'>) =>
  `${owner}/${library}/${name}`

export function renderObjects(objects: readonly ObjectView[], screen: Screen): string[] {
  if (objects.length === 0) return ['no functions: "haif fn publish file.py" makes some']
  const rows = objects.map((object): Cell[] => [
    { text: `${nameOf(object)}@${object.version.number}`, format: 'bold' },
    { text: object.runtime ?? object.kind },
    { text: printableLine(signatureText(object)) },
    { text: printableLine(object.description?.split('\n')[0] ?? '') }
  ])
  return table(rows, screen, '')
}

export function renderObject(object: ObjectDetail, screen: Screen): string[] {
  const { version, versions, description, dependencies, source } = object
  const about = description === undefined ? [] : ['', printable(description)]
  const pins = dependencies.length === 0 ? [] : [`needs ${dependencies.join(', ')}`]
  const rows = versions.map((each): Cell[] => [
    { text: `@${each.number}`, format: 'bold' },
    { text: each.sha256.slice(0, 12) },
    { text: `published by ${shortKey(each.publisher)}` }
  ])
  return [
    paint(screen, 'bold', `${nameOf(object)}@${version.number}`),
    printableLine(signatureText(object)),
    `publisher ${version.publisher}`,
    ...pins,
    ...about,
    '',
    ...table(rows, screen),
    ...(source === undefined ? [] : ['', printable(source)])
  ]
}

function signatureText({ signature }: ObjectView): string {
  const outputs = signature.outputs.map(({ type = 'any' }) => type).join(', ')
  return `(${signature.inputs.map(portText).join(', ')}) → ${outputs || 'any'}`
}

function portText({ name, type, optional = false, ...port }: Port): string {
  const typed = type === undefined ? name : `${name}: ${type}`
  if (!optional) return typed
  return 'default' in port ? `${typed} = ${JSON.stringify(port.default)}` : `${typed} = …`
}

export function renderRuns(runs: readonly RunView[], screen: Screen, now: number): string[] {
  if (runs.length === 0) return ['no runs']
  const rows = runs.map(({ runId, status, subject, createdAt }): Cell[] => [
    { text: runId, format: 'bold' },
    state(status),
    { text: `${nameOf(subject)}@${subject.version}` },
    { text: `${spanText(now - createdAt)} ago` }
  ])
  return table(rows, screen, '')
}

export function renderRun(run: RunView, screen: Screen): string[] {
  const { runId, status, subject, error, message, nodes, result, resultArtifact } = run
  const said = error === undefined ? message : `${error.code}: ${error.message}`
  const head: Cell[] = [
    { text: runId, format: 'bold' },
    state(status),
    { text: `${nameOf(subject)}@${subject.version}` }
  ]
  const rows = nodes.map((node): Cell[] => [
    { text: printableLine(node.node), format: 'bold' },
    state(node.status),
    { text: node.machine === undefined ? '' : `on ${shortKey(node.machine)}` },
    { text: printableLine(node.error ?? node.waitingFor ?? '') }
  ])
  const files = nodes.flatMap(({ artifacts }) => artifacts)
  return [
    ...table([head], screen, ''),
    ...table(rows, screen),
    ...(said === undefined ? [] : [paint(screen, 'yellow', printableLine(said))]),
    ...files.map(({ path, bytes }) => `/v1/runs/${path} (${bytes} bytes)`),
    ...(resultArtifact === undefined ? [] : [`its result: /v1/runs/${resultArtifact}`]),
    ...(result === undefined ? [] : ['', printable(resultText(result))])
  ]
}

function resultText(result: unknown): string {
  const text = typeof result === 'string' ? result : (JSON.stringify(result, null, 2) ?? 'null')
  return text.length <= RESULT_CHARACTERS_MAX ? text : `${text.slice(0, RESULT_CHARACTERS_MAX)}…`
}
