/** Who has done something, in words: the operator key of this machine is a number to nobody. */
import process from 'node:process'
import { Home } from '#shared/main/home.ts'
import { line, type CommonOptions } from './gateway-call.ts'

/** Actors are the ids of tokens, and names. */
export function actorText({ topicKey }: CommonOptions): (actor: string) => string {
  const home = new Home(process.env)
  const mesh = home.invite(topicKey, process.env)?.meshKey ?? home.mesh.address?.mesh
  const [, , own] = (mesh === undefined ? null : home.operatorKey(mesh))?.split('_') ?? []
  return (actor) => (actor === own ? "this machine's operator key" : line(actor))
}
