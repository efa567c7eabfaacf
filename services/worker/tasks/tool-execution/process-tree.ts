/**
 * What the processes of a sandbox use together, read from /proc. A process that loses its parent
 * becomes a child of the sandbox's first process, so the tree below that is complete.
 */
import { readFileSync, readdirSync } from 'node:fs'

interface TreeUse {
  processes: number
  memoryBytes: number
  /** Of those that live, and of those that have ended. */
  cpuMs: number
}

/** The kernel's unit in /proc is a hundredth of a second on every machine that runs Node.js. */
const TICK_MS = 10

/** `root` and all below it. Processes that end meanwhile count for what was read of them. */
export function useOfTree(root: number): TreeUse {
  const use = { processes: 0, memoryBytes: 0, cpuMs: 0 }
  const waiting = [root]
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const own = useOf(pid)
    if (own === null) continue
    use.processes++
    use.memoryBytes += own.memoryBytes
    use.cpuMs += own.cpuMs
    waiting.push(...childrenOf(pid))
  }
  return use
}

function useOf(pid: number): Omit<TreeUse, 'processes'> | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the command may hold anything, so the fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kilobytes = Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) // a zombie has none
    return { memoryBytes: kilobytes * 1024, cpuMs: ticks * TICK_MS }
  } catch {
    return null // it has ended
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
        .split(' ')
        .filter((child) => child !== '')
        .map(Number)
    )
  } catch {
    return [] // it has ended
  }
}
