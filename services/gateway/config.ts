/** Settings of the gateway. */
import { readInteger, readString, type Environment } from '#shared/process/config.ts'
import type { TenantDefaults } from './access/admission.ts'
import { readCacheGroups, type CacheGroups } from './access/cache-scopes.ts'
import type { OperatedSettings } from './operating/settings.ts'
import { readStaticTokens, type StaticToken } from './access/static-tokens.ts'

interface GatewayConfig {
  /** `MAX_CONCURRENT_REQUESTS`: requests that one caller may have running at the same time. */
  maxConcurrentPerCaller: number
  /** `TENANT_MAX_CONCURRENT`, `TENANT_RATE_LIMIT_RPS`: for tenants without a limit of their own. */
  tenantDefaults: TenantDefaults
  /** `HAIF_API_TOKENS`, e.g. `operator-token:operator|metrics,tenant-a-token:tenant:tenant-a`. */
  staticTokens: StaticToken[]
  /** `CACHE_GROUPS`: tenants that share the caches of their prompts. */
  cacheGroups: CacheGroups
  /**
   * `USAGE_SPOOL_MAX`: rows of usage that wait on disk while the database is away, 400 bytes each.
   */
  usageSpoolMax: number
  /** `GATEWAYS`: gateways that share the limits where there is no Redis. */
  gateways: number
}

const MAX = 1_000_000

export function readGatewayConfig(env: Environment): GatewayConfig {
  const tenantDefaults: TenantDefaults = {}
  const concurrent = readCount(env, 'TENANT_MAX_CONCURRENT')
  const requestsPerSecond = readCount(env, 'TENANT_RATE_LIMIT_RPS')
  if (concurrent !== undefined) tenantDefaults.concurrent = concurrent
  if (requestsPerSecond !== undefined) tenantDefaults.requestsPerSecond = requestsPerSecond
  return {
    maxConcurrentPerCaller: readInteger(env, 'MAX_CONCURRENT_REQUESTS', {
      default: 256,
      min: 1,
      max: 100_000
    }),
    tenantDefaults,
    staticTokens: readStaticTokens(env),
    cacheGroups: readCacheGroups(env),
    // A day of ten requests a second.
    usageSpoolMax: readInteger(env, 'USAGE_SPOOL_MAX', {
      default: 1_000_000,
      min: 1000,
      max: 100_000_000
    }),
    gateways: readInteger(env, 'GATEWAYS', { default: 1, min: 1, max: 1024 })
  }
}

/** What operators see of the environment, beside what they have changed. */
export function givenSettings(
  env: Environment,
  { concurrent, requestsPerSecond }: TenantDefaults
): OperatedSettings['given'] {
  const [defaultModel, logLevel] = [
    readString(env, 'DEFAULT_MODEL', ''),
    readString(env, 'LOG_LEVEL', '')
  ]
  return {
    ...(defaultModel === '' ? {} : { defaultModel }),
    ...(logLevel === '' ? {} : { logLevel }),
    ...(concurrent === undefined ? {} : { tenantMaxConcurrent: concurrent }),
    ...(requestsPerSecond === undefined ? {} : { tenantRateLimitRps: requestsPerSecond })
  }
}

/** Undefined when it is not set: no limit. */
function readCount(env: Environment, name: string): number | undefined {
  if (readString(env, name, '') === '') return undefined
  return readInteger(env, name, { default: 1, min: 1, max: MAX })
}
