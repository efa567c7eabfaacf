/** The shapes of charts, as numbers and paths. */
export interface Series {
  name: string
  values: readonly number[]
}

/** The next round number above all values, and never 0, by which one could not divide. */
export function niceTop(values: readonly number[]): number {
  const most = Math.max(0, ...values)
  if (most === 0) return 1
  const unit = 10 ** Math.floor(Math.log10(most))
  return unit * ([1, 2, 2.5, 5, 10].find((step) => step * unit >= most) ?? 10)
}

interface PathOptions {
  width: number
  height: number
  top: number
  /** Closed along the bottom, to be filled. */
  isArea: boolean
}

export function pathOf(values: readonly number[], options: PathOptions): string {
  const { width, height, top, isArea } = options
  const step = width / Math.max(values.length - 1, 1)
  const points = values.map((value, i) => {
    const y = height - 1 - (Math.min(value, top) / top) * (height - 2)
    return `${round(i * step)},${round(y)}`
  })
  const line = `M${points.join('L')}`
  return isArea ? `${line}L${round(width)},${height}L0,${height}Z` : line
}

const round = (value: number): number => Math.round(value * 10) / 10
