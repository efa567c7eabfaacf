/** What this mesh and this page are set to. */
import type { MeBody } from '../mesh/bodies.ts'
import { publicId, access } from '../../../ui/mesh/access.ts'
import { askForToken } from '../../../ui/token-panel.ts'
import { feed } from '../mesh/live.ts'
import { useRead } from '../mesh/read.ts'
import { Facts, Page, Section } from '../ui/parts.tsx'

const EVERY_MS = 30_000

export function SettingsScreen() {
  const { data: me } = useRead<MeBody>('v1/me', EVERY_MS)
  const { mesh } = feed.value
  const shown = access.value
  return (
    <Page title="Settings" lead="Who you are here, and what this mesh is.">
      <Section
        title="You"
        actions={
          <button type="button" class="plain small" onClick={() => askForToken()}>
            {shown === null ? 'Enter a token' : 'Token in use'}
          </button>
        }
      >
        <div class="card">
          <Facts
            rows={[
              [
                'Signed in',
                shown === null ? 'without a token' : `token ${publicId(shown.token) ?? ''}`
              ],
              ['Tenant', me?.tenant ?? '…'],
              ['You may', me?.scopes.join(', ') ?? '…']
            ]}
          />
        </div>
      </Section>
      {mesh !== null && (
        <Section title="Mesh">
          <div class="card">
            <Facts
              rows={[
                ['Version', mesh.version],
                ['Peers', mesh.total],
                [
                  'Who may ask',
                  mesh.tokens_needed
                    ? 'whoever shows a token'
                    : 'whoever reaches this machine itself'
                ]
              ]}
            />
          </div>
        </Section>
      )}
    </Page>
  )
}
