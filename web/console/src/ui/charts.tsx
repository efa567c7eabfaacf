/**
 * Charts as plain SVG. A chart here has at most a few hundred points and takes its colours from the
 * theme, so the browser draws it in less than a library's code would take to load.
 */
import { amount } from '../view/figures.ts'
import { niceTop, pathOf, type Series } from '../view/chart-shape.ts'

interface SparkProps {
  values: readonly number[]
  label: string
}

const SPARK = { width: 120, height: 28 }

export const Spark = ({ values, label }: SparkProps) => (
  <svg
    class="spark"
    viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
    preserveAspectRatio="none"
    role="img"
    aria-label={label}
  >
    {values.length > 1 && (
      <>
        <path
          class="spark-area"
          d={pathOf(values, { ...SPARK, top: niceTop(values), isArea: true })}
        />
        <path
          class="spark-line"
          d={pathOf(values, { ...SPARK, top: niceTop(values), isArea: false })}
        />
      </>
    )}
  </svg>
)

interface BarsProps {
  label: string
  /** The names of the bars, as days. */
  names: readonly string[]
  series: readonly Series[]
}

const BARS = { width: 720, height: 200, left: 44, bottom: 24, top: 8 }

/** Bars that are stacked from the series. */
export function Bars({ label, names, series }: BarsProps) {
  const sums = names.map((_name, i) =>
    series.reduce((sum, { values }) => sum + (values[i] ?? 0), 0)
  )
  const top = niceTop(sums)
  const step = (BARS.width - BARS.left) / Math.max(names.length, 1)
  const height = BARS.height - BARS.bottom - BARS.top
  const yOf = (value: number) => BARS.top + height - (value / top) * height
  const every = Math.ceil(names.length / 8)
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${BARS.width} ${BARS.height}`} role="img" aria-label={label}>
        {[0, top / 2, top].map((value) => (
          <g key={value}>
            <line class="grid" x1={BARS.left} x2={BARS.width} y1={yOf(value)} y2={yOf(value)} />
            <text class="axis" x={BARS.left - 8} y={yOf(value) + 4} text-anchor="end">
              {amount(value)}
            </text>
          </g>
        ))}
        {names.map((name, i) => (
          <g key={name}>
            {stack(series, i).map(({ from, to, place, title }) => (
              <rect
                key={place}
                class={`series-${place}`}
                x={BARS.left + i * step + step * 0.15}
                width={step * 0.7}
                y={yOf(to)}
                height={Math.max(yOf(from) - yOf(to), 0)}
              >
                <title>{`${name} · ${title}: ${amount(to - from)}`}</title>
              </rect>
            ))}
            {i % every === 0 && (
              <text
                class="axis"
                x={BARS.left + i * step + step / 2}
                y={BARS.height - 6}
                text-anchor="middle"
              >
                {name}
              </text>
            )}
          </g>
        ))}
      </svg>
      {series.length > 1 && (
        <figcaption class="legend">
          {series.map(({ name }, i) => (
            <span key={name}>
              <i class={`swatch series-${i % SERIES_MAX}`} />
              {name}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  )
}

/** Colours that can be told apart. */
const SERIES_MAX = 6

function stack(series: readonly Series[], i: number) {
  let from = 0
  return series.map(({ name, values }, place) => {
    const to = from + (values[i] ?? 0)
    const part = { from, to, place: place % SERIES_MAX, title: name }
    from = to
    return part
  })
}
