/** `haif workers`: the workers of the mesh, and what operators tell them. */
import process from 'node:process'
import { InvalidArgumentError, type Command } from 'commander'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import {
  labelWorker,
  listWorkers,
  pauseWorker,
  removeWorker,
  renameWorker,
  resumeWorker,
  viewWorker
} from '#shared/contracts/peers/operating.ts'
import { askGateway, line, print, type CommonOptions } from '../../ask/gateway-call.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf, shortKey } from '../../screen/terminal.ts'
import { readMachineName } from '../members/invite.ts'
import { TOPIC_KEY } from '../options/options.ts'

export function addWorkersCommand(program: Command): void {
  const workers = program
    .command('workers')
    .description('list the workers, or tell one what to do')
    .argument('[worker]', 'its name, its key or the beginning of its key')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string | undefined, options: CommonOptions) => {
      if (id === undefined) return list(options)
      const worker = await askGateway(viewWorker, { id }, options)
      print(worker, lines([worker], true), options)
    })
  act(workers, 'drain <worker>', 'let it take nothing new; "resume" ends that')
    .option('--leave', 'it leaves the mesh when it has finished')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options: CommonOptions & { leave?: true } = command.optsWithGlobals()
      const { leave = false } = options
      const told = await askGateway(pauseWorker, { id, leave }, options)
      const then = leave ? 'and leaves' : `until "haif workers resume ${line(id)}"`
      print(told, [`${nameOf(told)} takes nothing new ${then}`], options)
    })
  act(workers, 'resume <worker>', 'let it take requests again').action(
    async (id: string, _options: unknown, command: Command) => {
      const options: CommonOptions = command.optsWithGlobals()
      const told = await askGateway(resumeWorker, { id }, options)
      print(told, [`${nameOf(told)} takes requests again`], options)
    }
  )
  act(workers, 'rename <worker> <name>', 'call it something else').action(
    async (id: string, text: string, _options: unknown, command: Command) => {
      const options: CommonOptions = command.optsWithGlobals()
      const name = readMachineName(text)
      const told = await askGateway(renameWorker, { id, name }, options)
      print(told, [`${line(id)} is called ${name} from now on`], options)
    }
  )
  act(workers, 'label <worker> <name=value...>', 'set labels; name= takes one away').action(
    async (id: string, texts: string[], _options: unknown, command: Command) => {
      const options: CommonOptions = command.optsWithGlobals()
      const told = await askGateway(labelWorker, { id, labels: readLabels(texts) }, options)
      print(told, [`${nameOf(told)}: ${labelsText(told.labels)}`], options)
    }
  )
  act(workers, 'remove <worker>', 'remove it from the mesh for good').action(
    async (id: string, _options: unknown, command: Command) => {
      const options: CommonOptions = command.optsWithGlobals()
      const told = await askGateway(removeWorker, { id }, options)
      print(told, [`${nameOf(told)} is removed; only a new invite lets it in again`], options)
    }
  )
}

const act = (workers: Command, usage: string, description: string): Command =>
  workers.command(usage).description(description).option('--json', 'print JSON')

async function list(options: CommonOptions): Promise<void> {
  const workers: WorkerView[] = []
  for (let after: string | undefined; ;) {
    const page = await askGateway(listWorkers, after === undefined ? {} : { after }, options)
    workers.push(...page.workers)
    after = page.next
    if (after === undefined) break
  }
  print({ workers }, workers.length === 0 ? [NONE] : lines(workers), options)
}

const NONE = 'no worker is connected: "haif invite" prints the line that adds one'

function lines(workers: readonly WorkerView[], isDetailed = false): string[] {
  const rows = workers.map((worker): Cell[] => {
    const { id, host, state, slots, running, waiting, path, version, today } = worker
    const failed = today === undefined || today.failed === 0 ? '' : `${today.failed} failed today`
    return [
      { text: line(worker.name ?? host), format: 'bold' },
      { text: shortKey(id), format: 'dim' },
      { text: state, format: state === 'ready' ? 'green' : 'yellow' },
      { text: `${running}/${slots} run, ${waiting} wait` },
      { text: path },
      { text: worker.models.map(({ name }) => line(name)).join(', ') },
      { text: `HAIF ${line(version)}`, format: 'dim' },
      { text: failed, format: 'red' }
    ]
  })
  const shown = table(rows, screenOf(process.stdout), '')
  if (!isDetailed) return shown
  const [worker] = workers
  const { labels, warnings, models } = worker!
  return [
    ...shown,
    ...(labels === undefined ? [] : [`labels ${labelsText(labels)}`]),
    ...models.map(({ name, state, error }) =>
      line(`${name} is ${state}${error === undefined ? '' : `: ${error}`}`)
    ),
    ...warnings.map((warning) => line(warning))
  ]
}

const nameOf = ({ id, name }: Pick<WorkerView, 'id' | 'name'>): string => line(name ?? shortKey(id))

const labelsText = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([name, value]) => line(`${name}=${value}`))
    .join(' ') || 'no labels'

function readLabels(texts: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
      if (name === undefined || value === undefined) {
        throw new InvalidArgumentError(`"${text}" is no label: write name=value`)
      }
      return [name, value === '' ? null : value]
    })
  )
}
