/** From the text of a bundle to what it says, once hash and signature have been checked. */
import { hash } from 'node:crypto'
import type { KeyPair } from 'hyperdht'
import sodium from 'sodium-universal'
import { Compile } from '#shared/validator.ts'
import {
  FunctionBundle,
  PipelineBundle,
  sealedText,
  type Bundle,
  type BundleSeal
} from '#shared/contracts/functions/bundle.ts'
import { HaifError } from '#shared/errors.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import { check } from '#shared/rpc/check.ts'
import { checkPipeline } from './check-pipeline.ts'

const functions = Compile(FunctionBundle)
const pipelines = Compile(PipelineBundle)

export const bundleSha256 = (text: string): string => hash('sha256', text)

const SIGNATURE_BYTES = 64

export function sealBundle(text: string, { publicKey, secretKey }: KeyPair): BundleSeal {
  const signature = Buffer.alloc(SIGNATURE_BYTES)
  sodium.crypto_sign_detached(signature, Buffer.from(sealedText(bundleSha256(text))), secretKey)
  return { publisher: publicKey.toString('hex'), signature: signature.toString('hex') }
}

/** Throws VALIDATION_FAILED where the publisher has not signed exactly this bundle. */
export function assertSealed(sha256: string, { publisher, signature }: BundleSeal): void {
  const isSealed = sodium.crypto_sign_verify_detached(
    Buffer.from(signature, 'hex'),
    Buffer.from(sealedText(sha256)),
    Buffer.from(publisher, 'hex')
  )
  if (isSealed) return
  throw new HaifError('VALIDATION_FAILED', 'the bundle is not signed by its publisher', {
    details: { param: 'seal.signature' }
  })
}

/** Throws VALIDATION_FAILED where it is no bundle, or one that cannot run. */
export function openBundle(text: string): Bundle {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (cause) {
    throw new HaifError('VALIDATION_FAILED', 'the bundle is no JSON', { cause })
  }
  const isPipeline = (value as { kind?: unknown } | null)?.kind === 'pipeline'
  if (isPipeline) return checkPipeline(check(pipelines, value, 'bundle'))
  const bundle = check(functions, value, 'bundle')
  if (!Object.hasOwn(bundle.files, bundle.module)) {
    throw new HaifError('VALIDATION_FAILED', `the bundle has no file ${bundle.module}`, {
      details: { param: 'bundle.module' }
    })
  }
  return bundle
}

export const fileBytes = (body: FunctionBundle['files'][string]): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.base64, 'base64')
