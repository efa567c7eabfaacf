/** The access of a gateway of this machine: with the secrets that HAIF_HOME keeps. */
import type { Environment } from '#shared/config.ts'
import type { Home } from '#shared/home.ts'
import type { Logger } from '#shared/log.ts'
import type { TopicKey } from '#shared/mesh/topic-key.ts'
import type { Store } from '#shared/store/store.ts'
import { Access, type AccessDeps } from './access/access.ts'
import { JsonCheckpoints } from './access/checkpoint-file.ts'
import { loadOperatorKey } from './access/operator-key.ts'
import { readGatewayConfig } from './config.ts'

export interface AccessHereOptions extends Pick<AccessDeps, 'opensLater' | 'isFresh' | 'shared'> {
  env: Environment
  home: Home
  topicKey: TopicKey
  store: Store | null
  log: Logger
}

export function accessHere({ env, home, topicKey, ...rest }: AccessHereOptions): Access {
  return new Access({
    ...rest,
    ...readGatewayConfig(env),
    pepper: home.tokenPepper(env),
    operatorKey: loadOperatorKey(home.operatorKeyFile(topicKey)),
    checkpoints: new JsonCheckpoints(home.auditCheckpoints)
  })
}
