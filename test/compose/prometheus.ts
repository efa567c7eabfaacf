/** What Prometheus and Alertmanager say over HTTP. */

const PROMETHEUS = 'http://127.0.0.1:9090/api/v1'

interface Target {
  labels: { job: string; instance: string }
  health: string
  lastError: string
}

interface Rule {
  name: string
  health: string
  lastError?: string
  state: string
}

async function ask<Data>(path: string): Promise<Data> {
  const reply = await fetch(`${PROMETHEUS}/${path}`)
  return ((await reply.json()) as { data: Data }).data
}

export async function targets(): Promise<Target[]> {
  return (await ask<{ activeTargets: Target[] }>('targets?state=active')).activeTargets
}

export async function rules(): Promise<Rule[]> {
  const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules')
  return groups.flatMap((group) => group.rules)
}

export async function isFiring(alert: string): Promise<boolean> {
  return (await rules()).some(({ name, state }) => name === alert && state === 'firing')
}

/** The value of the first series, null when there is none. */
export async function value(query: string): Promise<number | null> {
  const { result } = await ask<{ result: { value: [number, string] }[] }>(
    `query?query=${encodeURIComponent(query)}`
  )
  return result[0] === undefined ? null : Number(result[0].value[1])
}
