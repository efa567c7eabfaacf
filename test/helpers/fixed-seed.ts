/**
 * Loaded before the tests: what they draw at random is the same in every run. `HAIF_SEED=random`
 * draws anew, to look for what a fixed seed never finds; a failure prints the seed that it had.
 */
import fc from 'fast-check'
import { knowTestsByContext } from './run/test-context.ts'

knowTestsByContext()

const seed = process.env['HAIF_SEED'] ?? '1'
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })
