/** Rows of the catalogue as callers see them. */
import type {
  Bundle,
  FunctionBundle,
  PipelineBundle,
  Signature
} from '#shared/contracts/functions/bundle.ts'
import type { RunnableObject } from '#shared/contracts/functions/methods.ts'
import type {
  ExecutionPolicy,
  GrantScope,
  LibraryView,
  ObjectView,
  VersionView
} from '#shared/contracts/functions/objects.ts'
import { packagesKey } from '#shared/functions/packages-key.ts'
import type { LibraryRow, VersionRow } from './object-rows.ts'

/** Of a pipeline the signature was found when it was published. */
type About =
  | (Omit<FunctionBundle, 'files'> & { packages?: string })
  | (PipelineBundle & { signature: Signature })

/** What there is to know of a bundle without its source. */
export function aboutBundle(bundle: Bundle, signature: Signature): About {
  if (bundle.kind === 'pipeline') return { ...bundle, signature }
  const { files: _, ...about } = bundle
  const packages = packagesKey(bundle)
  return packages === null ? about : { ...about, packages }
}

export function versionView(
  row: Pick<VersionRow, 'number' | 'sha256' | 'publisher' | 'created_at'>
): VersionView {
  const { number, sha256, publisher, created_at } = row
  return { number, sha256, publisher, createdAt: created_at.getTime() }
}

export function objectView(row: VersionRow): ObjectView {
  const { owner, library, name, kind, display_name } = row
  const about = JSON.parse(row.about) as About
  const { signature, description } = about
  const { dependencies = [] } = about.kind === 'function' ? about : {}
  return {
    owner,
    library,
    name,
    kind,
    version: versionView(row),
    signature,
    dependencies,
    ...(about.kind === 'function' ? { runtime: about.runtime } : {}),
    ...(about.kind === 'function' && about.secrets !== undefined ? { secrets: about.secrets } : {}),
    ...(display_name === null ? {} : { displayName: display_name }),
    ...(description === undefined ? {} : { description })
  }
}

export function runnable(row: VersionRow): RunnableObject {
  const { owner, library, name, kind, number, sha256, bytes, publisher, signature } = row
  const about = JSON.parse(row.about) as About
  return {
    subject: { kind, owner, library, name, version: number, sha256 },
    bytes,
    seal: { publisher, signature },
    inputs: about.signature.inputs,
    ...(about.kind === 'function'
      ? {
          runtime: about.runtime,
          ...(about.packages === undefined ? {} : { packages: about.packages }),
          ...(about.secrets === undefined ? {} : { secrets: about.secrets })
        }
      : { pipeline: JSON.stringify(pipelineOf(about)) }),
    policy: JSON.parse(row.policy) as ExecutionPolicy
  }
}

const pipelineOf = ({
  signature: _,
  ...pipeline
}: PipelineBundle & { signature: Signature }): PipelineBundle => pipeline

export function libraryView(row: LibraryRow, tenant: string): LibraryView {
  const { owner, name: library, display_name, visibility, policy, grants, objects } = row
  const isOwn = owner === tenant
  return {
    owner,
    library,
    visibility: visibility as LibraryView['visibility'],
    policy: JSON.parse(policy) as ExecutionPolicy,
    objects,
    createdAt: row.created_at.getTime(),
    ...(display_name === null ? {} : { displayName: display_name }),
    ...(isOwn ? { grants: grants.map(grantView) } : {})
  }
}

const grantView = ({ grantee, scopes }: { grantee: string; scopes: string[] }) => ({
  to: grantee,
  scopes: scopes as GrantScope[]
})
