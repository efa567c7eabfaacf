/** The system message and sampling, for this chat and for chats that are begun after it. */
import { currentSettings, setSettings } from '../chat/conversations.ts'
import { DEFAULT_SETTINGS, type Settings } from '../chat/tree.ts'
import { Dialog } from '../../../ui/dialog.tsx'

const MAX_TOKENS_MAX = 1_048_576
const SEED_MAX = 4_294_967_295

export function SettingsPanel() {
  return (
    <Dialog name="settings" title="This chat">
      <SettingsForm settings={currentSettings.value} />
    </Dialog>
  )
}

function SettingsForm({ settings }: { settings: Settings }) {
  const set = (changed: Settings) => setSettings(changed)
  return (
    <form class="settings-form" onSubmit={(event) => event.preventDefault()}>
      <label class="field">
        <span>System prompt</span>
        <textarea
          rows={5}
          value={settings.system}
          placeholder="What the model is told before everything else"
          onChange={(event) => set({ ...settings, system: event.currentTarget.value })}
        />
      </label>
      <NumberField
        label="Longest answer"
        hint="tokens"
        value={settings.maxTokens}
        min={1}
        max={MAX_TOKENS_MAX}
        step={1}
        onValue={(value) => set({ ...settings, maxTokens: value ?? DEFAULT_SETTINGS.maxTokens })}
      />
      <NumberField
        label="Temperature"
        hint="0: always the likeliest word; empty: the mesh decides (0.2)"
        value={settings.temperature}
        min={0}
        max={2}
        step={0.1}
        onValue={(value) => set(withOptional(settings, 'temperature', value))}
      />
      <NumberField
        label="Top p"
        hint="choose among the likeliest words up to this share"
        value={settings.topP}
        min={0}
        max={1}
        step={0.05}
        onValue={(value) => set(withOptional(settings, 'topP', value))}
      />
      <NumberField
        label="Seed"
        hint="the same seed, the same choices"
        value={settings.seed}
        min={0}
        max={SEED_MAX}
        step={1}
        onValue={(value) => set(withOptional(settings, 'seed', value))}
      />
      <button type="button" class="plain" onClick={() => set(DEFAULT_SETTINGS)}>
        Back to the defaults
      </button>
    </form>
  )
}

function withOptional(
  settings: Settings,
  name: 'temperature' | 'topP' | 'seed',
  value: number | undefined
): Settings {
  const { [name]: _, ...rest } = settings
  return value === undefined ? rest : { ...rest, [name]: value }
}

interface NumberFieldProps {
  label: string
  hint: string
  value: number | undefined
  min: number
  max: number
  step: number
  onValue: (value: number | undefined) => void
}

function NumberField({ label, hint, value, onValue, ...limits }: NumberFieldProps) {
  const onChange = (event: { currentTarget: HTMLInputElement }) => {
    const input = event.currentTarget
    if (input.reportValidity()) onValue(input.value === '' ? undefined : input.valueAsNumber)
  }
  return (
    <label class="field row">
      <span>
        {label} <small>{hint}</small>
      </span>
      <input
        type="number"
        inputMode="decimal"
        value={value ?? ''}
        {...limits}
        onChange={onChange}
      />
    </label>
  )
}
