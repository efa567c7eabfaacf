/** An HTTP bridge of this machine, with the settings of the environment. */
import type { Place } from '#shared/main/place.ts'
import type { Environment } from '#shared/process/config.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Metrics } from '#shared/telemetry/metrics.ts'
import { readBridgeConfig, type BridgeWishes } from './config.ts'
import { assertMayListen, OLLAMA_PORT } from './http/listen.ts'
import { createHttpBridge, type HttpBridge } from './http-bridge.ts'
import type { LocalOperator } from './operators/local-operator.ts'

interface OpenHttpBridgeOptions extends Place {
  env: Environment
  wishes?: BridgeWishes
  metrics: Metrics
}

export function openHttpBridge(options: OpenHttpBridgeOptions): HttpBridge {
  const { home, address, env, wishes } = options
  const localOperator: LocalOperator = {
    key: () => home.operatorKey(address.mesh),
    gateways: () => home.keysOf('gateway')
  }
  return createHttpBridge({ ...options, ...readBridgeConfig(env, wishes), localOperator })
}

/** To be started before what takes seconds, because a taken port is the likeliest failure. */
export function freePort(env: Environment, wishes: BridgeWishes): Service {
  return {
    async start() {
      const { host, port, ollamaPort } = readBridgeConfig(env, wishes)
      await assertMayListen({ host, port })
      await assertMayListen({ host, port: ollamaPort, setting: OLLAMA_PORT })
    },
    stop: async () => {}
  }
}
