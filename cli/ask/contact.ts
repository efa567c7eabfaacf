/** Tells a person whose machine has joined a mesh when that mesh is away, and why. */
import process from 'node:process'
import { Search } from '#shared/mesh/diagnosis/search.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'

export class Contact {
  #state: 'never' | 'connected' | 'lost' = 'never'
  #begun = false
  #search: Search | null = null

  /** Returns the mesh that the worker joins with; from now on it says why nobody answers. */
  watching(mesh: Mesh, topicKey: TopicKey): Mesh {
    const onDiagnosis = ({ sentence }: { sentence: string }) => say(`${sentence}. Still trying …`)
    this.#search = new Search({ mesh, role: 'orchestrator', topicKey, onDiagnosis })
    this.#search.start()
    return mesh
  }

  /** The models are ready, so that a connection means work from now on. */
  begins(): void {
    this.#begun = true
    if (this.#state === 'connected') this.#joined()
  }

  changed(connected: boolean): void {
    const before = this.#state
    this.#state = connected ? 'connected' : 'lost'
    if (connected) this.#search?.stop()
    else this.#search?.start()
    if (!this.#begun) return
    if (!connected) say('the mesh is out of reach: no orchestrator answers; still trying …')
    else if (before === 'never') this.#joined()
    else say('back in the mesh')
  }

  #joined(): void {
    say('joined: this machine is a worker now; Ctrl-C leaves the mesh')
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
