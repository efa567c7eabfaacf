/** `npm run bench:reach`: how long a worker takes to meet its home through each pair of NATs. */
import process from 'node:process'
import { Lab, noLab } from '../nat/lab/lab.ts'
import { meet, newMesh, startHome, startRelay } from '../nat/lab/pair.ts'
import { writePart, type Report } from './report.ts'

const TIMES = 10
const PAIRS = [
  { home: 'cone', worker: 'cone', relay: false, msMax: 100 },
  { home: 'cone', worker: 'random', relay: true, msMax: 1000 },
  { home: 'random', worker: 'cone', relay: true, msMax: 1000 },
  { home: 'cone', worker: 'random', relay: false, msMax: 5000 },
  { home: 'random', worker: 'cone', relay: false, msMax: 5000 },
  { home: 'random', worker: 'random', relay: true, msMax: 1000 }
] as const

type Pair = (typeof PAIRS)[number]

async function measured({ home, worker, relay }: Pair): Promise<{ ms: number[]; ways: string }> {
  await using lab = await Lab.start({ home, office: worker, vps: 'open' })
  const root = newMesh(lab)
  if (relay) await startRelay(lab, 'vps', root)
  await startHome(lab, 'home', root)
  const ms: number[] = []
  const ways = new Set<string>()
  for (let i = 0; i < TIMES; i++) {
    const { orchestratorMs, registryMs, links } = await meet(lab, 'office', root)
    ms.push(Math.max(orchestratorMs, registryMs))
    for (const { role, path } of links) if (role !== 'relay') ways.add(path)
  }
  return { ms: ms.toSorted((a, b) => a - b), ways: [...ways].join(', ') }
}

const why = noLab()
if (why !== null) throw new Error(`no laboratory: ${why}`)
const report: Report = {
  title: 'Reach',
  how: `From the start of a worker's mesh until orchestrator and registry are connected, ${TIMES} times.`,
  columns: ['home', 'worker', 'relay', 'median ms', 'slowest ms', 'way'],
  rows: [],
  bars: []
}
for (const pair of PAIRS) {
  const { ms, ways } = await measured(pair)
  const slowest = ms.at(-1)!
  const { home, worker, relay, msMax } = pair
  const cells = [ms[TIMES / 2]!, slowest].map((value) => value.toFixed(0))
  report.rows.push([home, worker, relay ? 'yes' : 'no', ...cells, ways])
  report.bars.push({
    figure: `${home} <- ${worker}${relay ? ', relay' : ''}, slowest of ${TIMES}`,
    bar: `≤ ${msMax} ms`,
    measured: `${slowest.toFixed(0)} ms`,
    holds: slowest <= msMax
  })
}
writePart('bench:reach', 'pairs', 'npm run bench:reach', report)
process.stdout.write(`${JSON.stringify(report.rows)}\n`)
