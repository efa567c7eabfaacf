/** Settings of the gateway. */
import { readInteger, type Environment } from '#shared/config.ts'

export interface GatewayConfig {
  /** `MAX_CONCURRENT_REQUESTS`: requests that one caller may have running at the same time. */
  maxConcurrentPerCaller: number
  /** `USAGE_SPOOL_MAX`: rows of usage that wait on disk while the database is away, 400 bytes each. */
  usageSpoolMax: number
  /** `GATEWAYS`: gateways that share the limits where there is no Redis. */
  gateways: number
}

export function readGatewayConfig(env: Environment): GatewayConfig {
  return {
    maxConcurrentPerCaller: readInteger(env, 'MAX_CONCURRENT_REQUESTS', {
      default: 256,
      min: 1,
      max: 100_000
    }),
    // A day of ten requests a second.
    usageSpoolMax: readInteger(env, 'USAGE_SPOOL_MAX', {
      default: 1_000_000,
      min: 1000,
      max: 100_000_000
    }),
    gateways: readInteger(env, 'GATEWAYS', { default: 1, min: 1, max: 1024 })
  }
}
