/** How far a download is, as people read it: `1.2 of 2.9 GB, 34 MB/s, 50 s left`. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'

type Download = NonNullable<WorkerModel['download']>

export function downloadText({ bytes, totalBytes, bytesPerSecond }: Download): string {
  const speed = bytesPerSecond > 0 ? [`${amount(bytesPerSecond)}/s`] : []
  if (totalBytes === undefined) return [amount(bytes), ...speed].join(', ')
  const here = inUnitOf(totalBytes, bytes)
  const leftBytes = Math.max(0, totalBytes - bytes)
  const left =
    bytesPerSecond > 0 && leftBytes > 0 ? [`${span(leftBytes / bytesPerSecond)} left`] : []
  return [`${here} of ${amount(totalBytes)}`, ...speed, ...left].join(', ')
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

const unitOf = (bytes: number): number =>
  Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))

const inUnit = (bytes: number, unit: number): string => {
  const value = bytes / 1000 ** unit
  return value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)
}

const amount = (bytes: number): string => `${inUnit(bytes, unitOf(bytes))} ${UNITS[unitOf(bytes)]}`

const inUnitOf = (whole: number, bytes: number): string => inUnit(bytes, unitOf(whole))

function span(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`
  const hours = Math.floor(seconds / 3600)
  return `${hours} h ${Math.floor((seconds % 3600) / 60)} min`
}
