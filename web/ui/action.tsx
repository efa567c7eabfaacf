/** A small button below a message. */
import { useState } from 'preact/hooks'
import { copyText } from './copy.ts'
import { Icon, type IconName } from './icons.tsx'

const SAID_MS = 1600

interface ActionProps {
  icon: IconName
  label: string
  onClick: () => void
}

export const Action = ({ icon, label, onClick }: ActionProps) => (
  <button type="button" class="quiet small" aria-label={label} title={label} onClick={onClick}>
    <Icon name={icon} />
  </button>
)

export function CopyAction({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    if (!(await copyText(text))) return
    setCopied(true)
    setTimeout(() => setCopied(false), SAID_MS)
  }
  return <Action icon={copied ? 'check' : 'copy'} label={label} onClick={() => void copy()} />
}
