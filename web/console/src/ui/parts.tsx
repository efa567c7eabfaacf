/** The small things that all screens are made of. */
import type { ComponentChildren } from 'preact'
import { CopyAction } from '../../../ui/action.tsx'
import { FailureBox } from '../../../ui/failure-box.tsx'
import type { Failure } from '../../../ui/mesh/failure.ts'
import { percent } from '../view/figures.ts'

interface PageProps {
  title: string
  /** Where the title says how it stands. */
  tone?: 'good' | 'bad' | 'still'
  back?: { link: string; text: string }
  /** What it is good for, in a sentence. */
  lead?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}

export const Page = ({ title, tone, back, lead, actions, children }: PageProps) => (
  <>
    <header class="page-head">
      <div>
        {back !== undefined && (
          <a class="back" href={back.link}>
            ← {back.text}
          </a>
        )}
        <h1 id="title" tabIndex={-1} class={tone === undefined ? undefined : `verdict ${tone}`}>
          {title}
        </h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {actions !== undefined && <div class="page-actions">{actions}</div>}
    </header>
    {children}
  </>
)

interface SectionProps {
  title: string
  note?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}

export const Section = ({ title, note, actions, children }: SectionProps) => (
  <section class="section" aria-label={title}>
    <header class="section-head">
      <h2>{title}</h2>
      {note !== undefined && <span class="note">{note}</span>}
      {actions !== undefined && <span class="section-actions">{actions}</span>}
    </header>
    {children}
  </section>
)

interface EmptyProps {
  children: ComponentChildren
  /** What fills it. */
  command?: string
  action?: ComponentChildren
}

export const Empty = ({ children, command, action }: EmptyProps) => (
  <div class="empty">
    <p>{children}</p>
    {command !== undefined && <CommandLine text={command} />}
    {action}
  </div>
)

export const CommandLine = ({ text }: { text: string }) => (
  <div class="command-line">
    <code tabIndex={0}>{text}</code>
    <CopyAction text={text} label="Copy the command" />
  </div>
)

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'still'

export const Tag = ({ tone, children }: { tone: Tone; children: ComponentChildren }) => (
  <span class={`tag ${tone}`}>{children}</span>
)

interface MeterProps {
  label: string
  used: number
  total: number
  /** The same in words, for everybody. */
  text: string
}

export function Meter({ label, used, total, text }: MeterProps) {
  const share = percent(used, total)
  const tone = share >= 95 ? 'bad' : share >= 80 ? 'warn' : 'good'
  return (
    <div class="meter">
      <span class="meter-label">{label}</span>
      <span
        class="meter-bar"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share}
        aria-valuetext={text}
      >
        <span class={`meter-fill ${tone}`} style={{ width: `${share}%` }} />
      </span>
      <span class="meter-text">{text}</span>
    </div>
  )
}

interface FigureProps {
  name: string
  value: ComponentChildren
  note?: ComponentChildren
  children?: ComponentChildren
}

export const Figure = ({ name, value, note, children }: FigureProps) => (
  <div class="figure">
    <span class="figure-name">{name}</span>
    <span class="figure-value">{value}</span>
    {note !== undefined && <span class="figure-note">{note}</span>}
    {children}
  </div>
)

/** Pairs of a name and a value, as a list. */
export const Facts = ({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

interface ChoiceProps<Value extends string> {
  label: string
  value: Value
  options: readonly (readonly [Value, string])[]
  onChange: (value: Value) => void
}

export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const { label, value, options, onChange } = props
  return (
    <label class="choice">
      <span class="sr-only">{label}</span>
      <select
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value as Value)}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

/** In place of what could not be read. */
export const Trouble = ({ failure, onRetry }: { failure: Failure; onRetry: () => void }) => (
  <FailureBox failure={failure} onRetry={onRetry} onEdit={onRetry} onNewChat={onRetry} />
)

export const Loading = () => (
  <p class="note loading" role="status">
    Asking the mesh …
  </p>
)
