/** Spans of time as bars below each other, on one line of time. */
import { span } from '../view/figures.ts'
import type { Bar } from '../view/waterfall.ts'
import { Empty } from './parts.tsx'

interface WaterfallProps {
  bars: readonly Bar[]
  /** What the kinds of bars mean here. */
  legend: readonly (readonly [Bar['kind'], string])[]
  wholeMs: number
  /** Said where there are no bars. */
  none: string
}

export function Waterfall({ bars, legend, wholeMs: givenMs, none }: WaterfallProps) {
  if (bars.length === 0) return <Empty>{none}</Empty>
  const rows = [...Map.groupBy(bars, ({ row }) => row)]
  const wholeMs = Math.max(givenMs, ...bars.map(({ toMs }) => toMs), 1)
  return (
    <div class="card waterfall">
      {rows.map(([row, parts]) => (
        <div class="fall-row" key={row}>
          <span class="fall-name" title={row}>
            {row}
          </span>
          <span class="fall-track">
            {parts.map((bar) => (
              <FallBar key={bar.fromMs} bar={bar} wholeMs={wholeMs} />
            ))}
          </span>
        </div>
      ))}
      <div class="fall-scale" aria-hidden="true">
        <span>0</span>
        <span>{span(wholeMs / 2)}</span>
        <span>{span(wholeMs)}</span>
      </div>
      <div class="legend" aria-hidden="true">
        {legend
          .filter(([kind]) => bars.some((bar) => bar.kind === kind))
          .map(([kind, text]) => (
            <span key={kind}>
              <i class={`swatch fall-swatch ${kind}`} />
              {text}
            </span>
          ))}
      </div>
    </div>
  )
}

function FallBar({ bar: { kind, fromMs, toMs, text }, wholeMs }: { bar: Bar; wholeMs: number }) {
  const title = `${text}: ${span(toMs - fromMs)}`
  const style = {
    left: `${(fromMs / wholeMs) * 100}%`,
    width: `${((toMs - fromMs) / wholeMs) * 100}%`
  }
  return (
    <span class={`fall-bar ${kind}`} role="img" aria-label={title} title={title} style={style} />
  )
}
