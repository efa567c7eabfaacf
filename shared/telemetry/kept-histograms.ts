/** The histograms that are kept here, in the form in which the SDK hands out its own. */
import { ValueType, type Meter } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type HistogramMetricData
} from '@opentelemetry/sdk-metrics'
import type { Histogram } from './histogram.ts'
import { histogramsOf, METER_NAME } from './instruments.ts'
import { METRICS, type MetricName } from './names.ts'

const NO_TIME: [number, number] = [0, 0]

export function collectHistograms(meter: Meter): CollectionResult {
  const shown = [...histogramsOf(meter)]
    .map(([name, histogram]) => toMetricData(name, histogram))
    .filter(({ dataPoints }) => dataPoints.length > 0)
  const scopeMetrics = [{ scope: { name: METER_NAME }, metrics: shown }]
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] }
}

function toMetricData(name: MetricName, histogram: Histogram): HistogramMetricData {
  const { help: description } = METRICS[name]
  const boundaries = [...histogram.bounds]
  return {
    descriptor: { name, description, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: histogram.distributions().map(({ attributes, counts, count, sum }) => ({
      attributes,
      startTime: NO_TIME, // times are not exported
      endTime: NO_TIME,
      value: { buckets: { boundaries, counts }, count, sum }
    }))
  }
}
