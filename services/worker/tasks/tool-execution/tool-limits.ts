/** What a tool may use. The owner of the machine sets the most; a task may ask for less. */
import { HaifError } from '#shared/errors.ts'

export interface ToolLimits {
  /** Of all its processes together, and of each of them. */
  memoryBytes: number
  cpuMs: number
  wallMs: number
  /** Of standard output and standard error together. */
  outputBytes: number
  /** Files that it is given, makes and leaves; they are kept in memory, not on the disk. */
  scratchBytes: number
  processes: number
}

const MIB = 1 << 20

export const TOOL_LIMITS: ToolLimits = {
  memoryBytes: 512 * MIB,
  cpuMs: 60_000,
  wallMs: 300_000,
  outputBytes: MIB,
  scratchBytes: 256 * MIB,
  processes: 64
}

/** The limits of one task: those that it asks for, or what the owner allows. */
export function limitsFor(asked: Partial<ToolLimits>, allowed: ToolLimits): ToolLimits {
  const limits = { ...allowed }
  for (const [name, wish] of Object.entries(asked) as [keyof ToolLimits, number][]) {
    if (wish > allowed[name]) {
      const message = `this worker allows a tool ${name} of ${allowed[name]}, and the task asks for ${wish}`
      throw new HaifError('SANDBOX_UNAVAILABLE', message)
    }
    limits[name] = wish
  }
  return limits
}
