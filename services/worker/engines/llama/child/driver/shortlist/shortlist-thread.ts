/** A thread that makes shortlists while the thread of the model does; it never ends by itself. */
import { workerData } from 'node:worker_threads'
import { LogitViews } from '../api/native-memory.ts'
import { ShortlistTable, type TableMemory } from './shortlist-table.ts'

interface ShortlistThreadData {
  memory: TableMemory
  vocabularySize: number
}

const { memory, vocabularySize } = workerData as ShortlistThreadData
const views = new LogitViews(vocabularySize)
new ShortlistTable(memory, (address) => views.at(address)).serve()
