/** A panel over the page. The browser keeps the focus inside, and closes the panel with Esc. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { wakeTextField } from './focus.ts'
import { Icon } from './icons.tsx'
import { closePanel, panel, type Panel } from './panels.ts'

interface DialogProps {
  name: Panel
  title: string
  /** Called after the dialog is closed, when the focus is back where it was. */
  onClosed?: () => void
  children: ComponentChildren
}

export function Dialog({ name, title, onClosed, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const isOpen = panel.value === name
  useLayoutEffect(() => {
    if (!isOpen) return
    element.current?.showModal()
    element.current?.querySelector<HTMLElement>('[data-focus]')?.focus()
    return () => {
      element.current?.close()
      wakeTextField()
      onClosed?.()
    }
  }, [isOpen])
  const onClick = (event: MouseEvent) => {
    if (event.target === element.current) closePanel() // the backdrop
  }
  /** The browser reports a closed dialog late; the next key may be faster. */
  const onCancel = (event: Event) => {
    event.preventDefault()
    closePanel()
  }
  const id = `${name}-title`
  return (
    <dialog
      ref={element}
      class={`dialog ${name}`}
      aria-labelledby={id}
      onCancel={onCancel}
      onClose={() => isOpen && closePanel()}
      onClick={onClick}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={closePanel}>
            <Icon name="close" />
          </button>
        </header>
        {isOpen && children}
      </div>
    </dialog>
  )
}
