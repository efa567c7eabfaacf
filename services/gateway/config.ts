/** Settings of the gateway. */
import { readInteger, type Environment } from '#shared/config.ts'

export interface GatewayConfig {
  /** `MAX_CONCURRENT_REQUESTS`: requests that one caller may have running at the same time. */
  maxConcurrentPerCaller: number
}

export function readGatewayConfig(env: Environment): GatewayConfig {
  const bounds = { default: 256, min: 1, max: 100_000 }
  return { maxConcurrentPerCaller: readInteger(env, 'MAX_CONCURRENT_REQUESTS', bounds) }
}
