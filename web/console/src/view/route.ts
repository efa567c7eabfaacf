/** Which screen an address names; it is behind the `#`, so the console works under any path. */
export const SCREENS = [
  'status',
  'machines',
  'models',
  'requests',
  'queue',
  'jobs',
  'functions',
  'runs',
  'usage',
  'access',
  'audit',
  'settings'
] as const
export type ScreenName = (typeof SCREENS)[number]

export interface Route {
  screen: ScreenName
  /** The thing of that screen that is looked at: a machine's key, the id of a request. */
  id?: string
  filters: Record<string, string>
}

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [name = '', id] = path.split('/').map(decoded)
  const screen = SCREENS.find((each) => each === name) ?? 'status'
  const filters = Object.fromEntries(new URLSearchParams(query))
  return id === undefined || id === '' ? { screen, filters } : { screen, id, filters }
}

export function linkTo(
  screen: ScreenName,
  id?: string,
  filters: Record<string, string | undefined> = {}
): string {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(given as [string, string][]).toString()
  const path = id === undefined ? screen : `${screen}/${encodeURIComponent(id)}`
  return `#/${path}${query === '' ? '' : `?${query}`}`
}

/** An address that a person mangled names what it names literally. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
