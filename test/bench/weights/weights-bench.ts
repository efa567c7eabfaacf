/** Model files from worker to worker, over plain HTTP between the same processes. */
import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeRecord } from '../../../services/worker/models/sources/local-model.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { startHolder } from '../../helpers/mesh/weights-host.ts'
import { encodeRoot } from '../../helpers/peers/mesh-root.ts'
import type { Scope } from '../../helpers/peers/peers.ts'
import { fixed, showRow, type BenchOptions, type Report } from '../report.ts'
import { inScope } from '../scope.ts'

const MB = 1 << 20
/** What a network of a gigabit carries. */
const LAN_BYTES = 117e6
/** What each of three machines may send where it is the sender that bounds. */
const UPLINK_BYTES = 30e6
const SEEDERS = 3
const RATIO_BAR = 0.9

interface Case {
  name: string
  bytesPerSecond: number
}

const CASES: Case[] = [
  { name: 'no bound but the processors', bytesPerSecond: Infinity },
  { name: 'senders of 1 Gb/s', bytesPerSecond: LAN_BYTES },
  { name: 'senders of 30 MB/s', bytesPerSecond: UPLINK_BYTES }
]

export async function benchWeights({ quick }: BenchOptions): Promise<Report> {
  const megabytes = quick ? 96 : 1024
  const report: Report = {
    title: 'Weights from worker to worker',
    how:
      `A model of ${megabytes} MB of random bytes, from processes of this machine to another one and ` +
      'onto its disk: over plain HTTP without any check, then over encrypted connections of the ' +
      'mesh with every chunk and the whole file checked, from one worker and from three. Manifests ' +
      'are made before. MB/s from the first question to the file with its name.',
    columns: ['bound', 'plain HTTP', 'one seeder', 'three seeders', 'one / HTTP', 'three / one'],
    rows: [],
    bars: []
  }
  for (const each of CASES) await inScope((t) => measure(t, each, megabytes, report))
  return report
}

async function measure(
  t: Scope,
  { name, bytesPerSecond }: Case,
  megabytes: number,
  report: Report
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'haif-bench-weights-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const mesh = await startMesh(t, { workers: [], gateways: 0 })
  const topicKey = encodeRoot(mesh.topicKey)
  const first = join(folder, 'seeder-0')
  const digest = await makeModel(first, megabytes)
  const bound = bytesPerSecond === Infinity ? {} : { bytesPerSecond }
  const to = await startHolder(t, { topicKey, folder: join(folder, 'to') })
  const seeder = await startHolder(t, { topicKey, folder: first, ...bound })
  const url = await seeder.serve(join(first, 'model.gguf'))
  const http = await to.get(url, join(folder, 'http'))
  await rm(join(folder, 'http'))
  await to.fetch(digest, join(folder, 'warm')) // its manifest is made
  await rm(join(folder, 'warm'), { recursive: true })
  const one = await to.fetch(digest, join(folder, 'one'))
  await rm(join(folder, 'one'), { recursive: true })
  for (let nth = 1; nth < SEEDERS; nth++) {
    const place = join(folder, `seeder-${nth}`)
    await copyModel(first, place, digest)
    await startHolder(t, { topicKey, folder: place, ...bound })
  }
  await to.fetch(digest, join(folder, 'warm')) // so that all are known, with their manifests
  const three = await to.fetch(digest, join(folder, 'three'))
  const speed = (ms: number) => (megabytes * MB) / 1e6 / (ms / 1000)
  const row = [name, ...[http, one, three].map(({ ms }) => speed(ms).toFixed(0))]
  row.push(fixed(http.ms / one.ms), fixed(one.ms / three.ms))
  report.rows.push(row)
  showRow(report.columns, row)
  judge(report, name, { ratio: http.ms / one.ms, gain: one.ms / three.ms })
}

function judge(
  report: Report,
  name: string,
  { ratio, gain }: { ratio: number; gain: number }
): void {
  report.bars.push(
    {
      figure: `${name}: one seeder over plain HTTP`,
      bar: `≥ ${RATIO_BAR}`,
      measured: fixed(ratio),
      holds: ratio >= RATIO_BAR
    },
    { figure: `${name}: three over one`, bar: '> 1', measured: fixed(gain), holds: gain > 1 }
  )
}

async function makeModel(folder: string, megabytes: number): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'model.gguf')
  const hash = createHash('sha256')
  await using file = await open(path, 'w')
  for (let nth = 0; nth < megabytes; nth++) {
    const bytes = randomBytes(MB)
    hash.update(bytes)
    await file.writeFile(bytes)
  }
  const digest = hash.digest('hex')
  await writeRecord(path, digest)
  return digest
}

async function copyModel(from: string, to: string, digest: string): Promise<void> {
  await mkdir(join(to, '.manifests'), { recursive: true })
  const manifest = join('.manifests', digest)
  for (const name of ['model.gguf', 'model.gguf.sha256', manifest]) {
    await copyFile(join(from, name), join(to, name))
  }
}
