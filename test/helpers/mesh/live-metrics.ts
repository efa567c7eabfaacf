/** What a running process says it has measured, as Prometheus reads it. */
import type { ServiceProcess } from './service-process.ts'

export interface Series {
  /** Of a histogram's lines: with `_bucket`, `_sum` or `_count`. */
  name: string
  labels: Record<string, string>
  value: number
}

/** Of a service that was started with LOG_LEVEL=debug, so that it says its port. */
export async function liveMetrics({ metricsPort }: ServiceProcess): Promise<Series[]> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
  return seriesIn(await response.text())
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export function seriesIn(text: string): Series[] {
  return text
    .split('\n')
    .map((line) => /^([a-z]\w*)(?:\{(.*)\})? (\S+)/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, labels = '', value]) => ({
      name: name!,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label!, text!])
      ),
      value: Number(value)
    }))
}

/** The sum over the series that have these labels; undefined when there is none. */
export function valueOf(
  series: readonly Series[],
  name: string,
  labels: Record<string, string> = {}
): number | undefined {
  const found = series.filter(
    (each) =>
      each.name === name &&
      Object.entries(labels).every(([label, value]) => each.labels[label] === value)
  )
  if (found.length === 0) return undefined
  return found.reduce((sum, { value }) => sum + value, 0)
}
