/** `npm run bench:reach`: how long a worker takes to meet its home through each pair of NATs. */
import process from 'node:process'
import { Lab, noLab, noSlowLine } from '../nat/lab/lab.ts'
import type { SiteKind } from '../nat/lab/sites.ts'
import { meet, newMesh, startHome, startRelay } from '../nat/lab/pair.ts'
import { writePart, type Report } from './report.ts'

const TIMES = 10
/** Between the worker and everything else: 80 ms there and back. */
const FAR = { delayMs: 40, lossPercent: 2 }

interface Pair {
  home: SiteKind
  worker: SiteKind
  relay: boolean
  isFar?: boolean
  msMax: number
}

const PAIRS: readonly Pair[] = [
  { home: 'cone', worker: 'cone', relay: false, msMax: 100 },
  { home: 'cone', worker: 'random', relay: true, msMax: 1000 },
  { home: 'random', worker: 'cone', relay: true, msMax: 1000 },
  { home: 'cone', worker: 'random', relay: false, msMax: 5000 },
  { home: 'random', worker: 'cone', relay: false, msMax: 5000 },
  { home: 'random', worker: 'random', relay: true, msMax: 1000 },
  { home: 'cone', worker: 'cone', relay: false, isFar: true, msMax: 3000 },
  { home: 'cone', worker: 'random', relay: true, isFar: true, msMax: 3000 },
  { home: 'random', worker: 'cone', relay: true, isFar: true, msMax: 3000 },
  { home: 'random', worker: 'random', relay: true, isFar: true, msMax: 3000 }
]

async function measured({
  home,
  worker,
  relay,
  isFar
}: Pair): Promise<{ ms: number[]; ways: string }> {
  await using lab = await Lab.start({ home, office: worker, vps: 'open' })
  if (isFar === true) await lab.slowDown('office', FAR)
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
  columns: ['home', 'worker', 'relay', 'line', 'median ms', 'slowest ms', 'way'],
  rows: [],
  bars: []
}
const whyNear = noSlowLine()
if (whyNear !== null) process.stdout.write(`no pairs that are far from each other: ${whyNear}\n`)
for (const pair of PAIRS) {
  if (pair.isFar === true && whyNear !== null) continue
  const { ms, ways } = await measured(pair)
  const slowest = ms.at(-1)!
  const { home, worker, relay, isFar, msMax } = pair
  const far = isFar === true ? '80 ms, 2 % lost' : '0 ms'
  const cells = [ms[TIMES / 2]!, slowest].map((value) => value.toFixed(0))
  report.rows.push([home, worker, relay ? 'yes' : 'no', far, ...cells, ways])
  report.bars.push({
    figure: `${home} <- ${worker}${relay ? ', relay' : ''}${isFar === true ? `, ${far}` : ''}, slowest of ${TIMES}`,
    bar: `≤ ${msMax} ms`,
    measured: `${slowest.toFixed(0)} ms`,
    holds: slowest <= msMax
  })
}
writePart('bench:reach', 'pairs', 'npm run bench:reach', report)
process.stdout.write(`${JSON.stringify(report.rows)}\n`)
