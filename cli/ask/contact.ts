/** Tells a person whose machine joins a mesh what it waits for, when the mesh is away, and why. */
import process from 'node:process'
import type { JoinHooks } from '#shared/main/seat.ts'
import { Search } from '#shared/mesh/diagnosis/search.ts'
import type { MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'

export class Contact {
  #state: 'never' | 'connected' | 'lost' = 'never'
  #begun = false
  /** What this machine is called in the mesh. */
  #name = ''
  #search: Search | null = null

  /** Says what redeeming an invite waits for. */
  joining(localSockets: boolean): JoinHooks {
    let said = ''
    const sayOnce = (line: string) => {
      if (line !== said) say(line)
      said = line
    }
    return {
      localSockets,
      signal: new AbortController().signal,
      onWaiting: (name) =>
        sayOnce(
          `waiting: whoever runs the mesh has to approve this machine, with "haif approve ${name}"; Ctrl-C gives up`
        ),
      onAway: (reason) => sayOnce(`${reason}. Still trying …`)
    }
  }

  /** Returns the mesh that the worker joins with; from now on it says why nobody answers. */
  watching(mesh: Mesh, address: MeshAddress): Mesh {
    const onDiagnosis = ({ sentence }: { sentence: string }) => say(`${sentence}. Still trying …`)
    this.#search = new Search({ mesh, role: 'orchestrator', address, onDiagnosis })
    this.#search.start()
    return mesh
  }

  /** The models are ready, so that a connection means work from now on. */
  begins(name: string): void {
    this.#begun = true
    this.#name = name
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
    say(`joined: this machine is a worker now, called "${this.#name}"; Ctrl-C leaves the mesh`)
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
