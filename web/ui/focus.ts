/** Moves the focus to the place where a person goes on. */
export const COMPOSER_ID = 'composer'

export function focusComposer(): void {
  document.getElementById(COMPOSER_ID)?.focus()
}

/**
 * Chromium may give the focus back to a text field while a dialog still makes the page inert; the
 * field then takes no keys until its selection is set anew.
 */
export function wakeTextField(): void {
  const field = document.activeElement
  if (!(field instanceof HTMLTextAreaElement)) return
  field.setSelectionRange(field.selectionStart, field.selectionEnd)
}

/** On a touch screen a focus opens the keyboard over half of the page, so it is not set there. */
export const hasFinePointer = (): boolean => matchMedia('(pointer: fine)').matches
