/** What the benchmark and the process with the library's own loop say to each other. */
import type { Ask, Run } from './streams.ts'

export interface LibraryOptions {
  modelPath: string
  slots: number
  contextTokens: number
  threads: number
}

export type ToLibrary = { kind: 'load'; options: LibraryOptions } | { kind: 'run'; asks: Ask[] }
export type FromLibrary = { kind: 'loaded' } | { kind: 'ran'; run: Run }
