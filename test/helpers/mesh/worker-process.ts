/** Services of a test's mesh in processes of their own, to be killed, stopped and started again. */
import type { TestContext } from 'node:test'
import { rootEnv, type MeshRoot } from '../peers/mesh-root.ts'
import { atEnd } from '../peers/peers.ts'
import { startService, type ServiceProcess } from './service-process.ts'

type MeshOfATest = { topicKey: MeshRoot }

/** Resolves when it is up: in the mesh, though not yet connected to everyone. */
export async function startServiceProcess(
  t: TestContext,
  { topicKey }: MeshOfATest,
  name: string,
  env: Record<string, string> = {}
): Promise<ServiceProcess> {
  const service = startService(name, { ...rootEnv(topicKey), ...env })
  atEnd(t, () => service.end())
  await service.up
  return service
}

export function startWorkerProcess(
  t: TestContext,
  mesh: MeshOfATest,
  model: string
): Promise<ServiceProcess> {
  return startServiceProcess(t, mesh, 'worker', { MODEL_ID: model })
}
