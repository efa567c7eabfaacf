/** The screen that is shown: the page's address says which, so that it can be kept and sent. */
import { signal } from '@preact/signals'
import { closePanel } from '../../../ui/panels.ts'
import { linkTo, readRoute, type Route } from '../view/route.ts'

export const route = signal<Route>(readRoute(location.hash))

/** Until the page is left. */
export function followAddress(): void {
  window.addEventListener('hashchange', () => {
    const before = route.peek()
    route.value = readRoute(location.hash)
    const { screen, id } = route.peek()
    if (screen === before.screen && id === before.id) return // only a filter has changed
    closePanel()
    document.querySelector('.main')?.scrollTo(0, 0)
    // After the new screen is drawn, so that a screen reader reads its name.
    requestAnimationFrame(() => document.getElementById('title')?.focus({ preventScroll: true }))
  })
}

/** Sets filters of the screen that is shown; an empty one is taken away. */
export function setFilters(filters: Record<string, string>): void {
  const { screen, id, filters: before } = route.peek()
  location.replace(linkTo(screen, id, { ...before, ...filters }))
}
