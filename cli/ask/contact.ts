/** Tells a person whose machine has joined a mesh when that mesh goes away and comes back. */
import process from 'node:process'

/** After this long without an orchestrator a person wants to know. */
const PATIENCE_MS = 5000

export class Contact {
  #state: 'never' | 'connected' | 'lost' = 'never'
  #begun = false
  #timer: NodeJS.Timeout | undefined

  /** From now on it speaks. */
  begins(): void {
    this.#begun = true
    if (this.#state === 'connected') return this.#joined()
    this.#timer = setTimeout(() => {
      say(
        'no orchestrator of this mesh answers yet; is "haif up" running where the key comes from? Still trying …'
      )
    }, PATIENCE_MS)
  }

  changed(connected: boolean): void {
    const before = this.#state
    this.#state = connected ? 'connected' : 'lost'
    if (!this.#begun) return
    if (!connected) say('the mesh is out of reach: no orchestrator answers; still trying …')
    else if (before === 'never') this.#joined()
    else say('back in the mesh')
  }

  #joined(): void {
    clearTimeout(this.#timer)
    say('joined: this machine is a worker now; Ctrl-C leaves the mesh')
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
