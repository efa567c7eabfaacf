/** Moving the focus to where a person goes on. */
export const COMPOSER_ID = 'composer'

export function focusComposer(): void {
  document.getElementById(COMPOSER_ID)?.focus()
}

/** On a touch screen a focus opens the keyboard over half of the page, so it is not given unasked. */
export const hasFinePointer = (): boolean => matchMedia('(pointer: fine)').matches
