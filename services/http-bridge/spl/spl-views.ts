/** Objects and runs in the words of SPLime. Pure. */
import type { LibraryView, ObjectDetail, ObjectView } from '#shared/contracts/functions/objects.ts'
import type { RunView } from '#shared/contracts/functions/runs.ts'
import { fileBytes, openBundle } from '#shared/functions/open-bundle.ts'

const STATES: Readonly<Record<RunView['status'], string>> = {
  Queued: 'queued',
  Assigned: 'queued',
  Running: 'running',
  Completed: 'succeeded',
  Failed: 'failed',
  Canceled: 'cancelled',
  Archived: 'succeeded'
}
/** Its library for what names none; ours is called `main`. */
const THEIR_DEFAULT = 'default'
const OUR_DEFAULT = 'main'

const isoTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString()

export const ourLibrary = (name: string): string => (name === THEIR_DEFAULT ? OUR_DEFAULT : name)

export function splObject(object: ObjectView): object {
  const { owner, library, name, kind, displayName, version, description } = object
  return {
    id: `${owner}/${library}/${name}`,
    name,
    display_name: displayName ?? name,
    kind,
    owner_id: owner,
    library,
    version: version.number,
    version_id: version.sha256,
    description: description ?? null,
    created_at: isoTime(version.createdAt)
  }
}

export function splSignature({ signature }: ObjectView): object {
  const ports = (all: ObjectView['signature']['inputs']) =>
    all.map(({ name, type, optional = false, ...port }) => ({
      name,
      type: type ?? 'Any',
      required: !optional,
      ...('default' in port ? { default: port.default } : {})
    }))
  return { inputs: ports(signature.inputs), outputs: ports(signature.outputs) }
}

/** Of a function the text of its module; of a pipeline its graph. */
export function splSource(detail: ObjectDetail): object {
  const bundle = openBundle(detail.source!)
  const source =
    bundle.kind === 'function'
      ? fileBytes(bundle.files[bundle.module]!).toString('utf8')
      : JSON.stringify(bundle.nodes)
  return { ...splObject(detail), source }
}

export function splLibrary({
  owner,
  library,
  displayName,
  visibility,
  policy
}: LibraryView): object {
  return {
    id: `${owner}/${library}`,
    slug: library,
    name: library,
    display_name: displayName ?? library,
    owner_id: owner,
    visibility,
    default_machine_id: policy.machine ?? null
  }
}

export function splRun(run: RunView): object {
  const { runId, status, subject, error } = run
  return {
    id: runId,
    status: STATES[status],
    object: subject.name,
    object_owner_id: subject.owner,
    library: subject.library,
    version: subject.version,
    version_id: subject.sha256,
    target_machine_id: subject.machine ?? null,
    error: error === undefined ? null : `${error.code}: ${error.message}`,
    created_at: isoTime(run.createdAt),
    started_at: isoTime(run.startedAt),
    finished_at: isoTime(run.completedAt)
  }
}

export function splDetail(run: RunView): object {
  const { result, resultArtifact, nodes } = run
  const text = (name: 'stdout' | 'stderr') => nodes.map((node) => node[name] ?? '').join('')
  return {
    ...splRun(run),
    result: result === undefined ? null : { value: result },
    result_artifact: resultArtifact ?? null,
    stdout: text('stdout'),
    stderr: text('stderr'),
    nodes: nodes.map(({ node, status, machine, attempt }) => ({
      name: node,
      status: STATES[status],
      machine_id: machine ?? null,
      attempt
    })),
    artifacts: splArtifacts(run)
  }
}

export const splArtifacts = ({ nodes }: RunView): { name: string }[] =>
  nodes.flatMap(({ node, artifacts }) =>
    artifacts.map(({ name, bytes, sha256 }) => ({ name, node, size: bytes, sha256 }))
  )

/** What has happened, as far as the run still knows it. */
export function splEvents(run: RunView): object[] {
  const { runId, createdAt, startedAt, completedAt, status, nodes } = run
  const ofRun = [
    { type: 'run.created', at: createdAt },
    { type: 'run.started', at: startedAt },
    { type: `run.${STATES[status]}`, at: completedAt }
  ]
  const ofNodes = nodes.flatMap(({ node, status: state, ...times }) => [
    { type: 'node.started', at: times.startedAt, node },
    { type: `node.${STATES[state]}`, at: times.completedAt, node }
  ])
  return [...ofRun, ...ofNodes]
    .filter(({ at }) => at !== undefined)
    .toSorted((a, b) => a.at! - b.at!)
    .map(({ at, ...event }, nth) => ({ ...event, id: nth + 1, run_id: runId, at: isoTime(at) }))
}
