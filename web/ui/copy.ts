/** Copies texts to the clipboard, and reports it. */
import { announce, notify } from './notices.ts'

const SAID_MS = 1600

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    announce('Copied.')
    return true
  } catch {
    notify('This browser does not let the page copy here; select the text and copy it by hand.')
    return false
  }
}

/** The Markdown renderer makes the copy buttons of code blocks, so one listener serves them all. */
export function onCopyClick({ target }: MouseEvent): void {
  const button = target instanceof Element ? target.closest<HTMLElement>('button.copy') : null
  if (button !== null) void copyCode(button)
}

async function copyCode(button: HTMLElement): Promise<void> {
  const code = button.closest('.code')?.querySelector('code')?.textContent ?? ''
  if (!(await copyText(code.replace(/\n$/, '')))) return
  button.textContent = 'Copied'
  setTimeout(() => (button.textContent = 'Copy'), SAID_MS)
}
