/** What may run where, as the YAML that a person wrote. */
import type { PolicyBody } from '../../mesh/bodies.ts'
import { useState } from 'preact/hooks'
import { now } from '../../mesh/live.ts'
import { useRead } from '../../mesh/read.ts'
import { Loading, Trouble } from '../../ui/parts.tsx'
import { perform } from '../../ui/perform.ts'
import { ago } from '../../view/figures.ts'

const PATH = 'v1/admin/policy'
const EVERY_MS = 10_000

export function Policy() {
  const { data, failure } = useRead<PolicyBody>(PATH, EVERY_MS)
  if (data === null) {
    return failure === null ? <Loading /> : <Trouble failure={failure} onRetry={() => {}} />
  }
  return <PolicyForm key={data.version} policy={data} />
}

function PolicyForm({ policy }: { policy: PolicyBody }) {
  const { version, yaml, set_by: by, set_at: at } = policy
  const [text, setText] = useState(yaml)
  const isChanged = text !== yaml && text.trim() !== ''
  const give = (isTry: boolean) =>
    void perform(
      'policy.set',
      { body: { yaml: text, if_version: version, ...(isTry ? { dry_run: true } : {}) } },
      {
        done: isTry
          ? 'The policy is valid. It does not hold yet.'
          : 'The policy holds from now on.',
        changes: [PATH]
      }
    )
  return (
    <form class="form" onSubmit={(event) => (event.preventDefault(), give(false))}>
      <p class="note">
        {version === 0
          ? 'There is no policy: everything may run everywhere. docs/jobs.md has one to begin with.'
          : `Version ${version}${by === undefined ? '' : `, set by ${by}`}${
              at === undefined ? '' : `, ${ago(Date.parse(at), now.value)}`
            }. The first rule that matches decides.`}
      </p>
      <textarea
        class="policy"
        aria-label="Policy in YAML"
        spellcheck={false}
        value={text}
        placeholder={EXAMPLE}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="dialog-actions">
        <button type="submit" class="primary" disabled={!isChanged}>
          Set it
        </button>
        <button type="button" class="plain" disabled={!isChanged} onClick={() => give(true)}>
          Only check it
        </button>
      </div>
    </form>
  )
}

const EXAMPLE = `default_action: allow
rules:
  - name: secrets stay here
    effect: deny
    match: { data_classification: secret, worker_locality: "!local" }
tenant_quotas:
  "*": { max_running_jobs: 20 }`
