/**
 * Stores a job whose only task has completed, with its attempt and its events: one statement, of
 * plain values, as records read from JSON take the embedded database three times as long.
 */
import type { Queryable } from '#shared/store/store.ts'
import type { MovedTask } from '../attempts/fenced.ts'
import type { NewEvent } from '../events/insert-events.ts'
import type { JobRow } from '../rows.ts'

interface EndedJob {
  job: JobRow
  task: MovedTask
  events: readonly NewEvent[]
}

/** `owner`: the service that ran it. */
export async function insertEndedJob(
  store: Queryable,
  owner: string,
  { job, task: { was: _, ...task }, events }: EndedJob
): Promise<void> {
  const { job_id, task_id, attempt, worker, claimed_at, started_at, ended_at } = task
  const moment = { claimed_at, started_at, ended_at }
  const ended = { job_id, task_id, attempt, owner, worker, ...moment, outcome: 'completed' }
  const values = new Values()
  const told = events.map((event) => ({ ...event, data: JSON.stringify(event.data) }))
  const text = `with job as (${values.insert('jobs', [job])}),
    task as (${values.insert('tasks', [task])}),
    attempt as (${values.insert('task_attempts', [ended])})
    ${values.insert('job_events', told)}`
  await store.query(text, values.all)
}

/** Columns are named as the fields of rows are, which are ours. */
class Values {
  readonly all: unknown[] = []

  insert(table: string, rows: readonly object[]): string {
    const places = rows.map(
      (row) =>
        `(${Object.values(row)
          .map((value) => this.#place(value))
          .join()})`
    )
    return `insert into ${table} (${Object.keys(rows[0]!).join()}) values ${places.join()}`
  }

  #place(value: unknown): string {
    this.all.push(value)
    return `$${this.all.length}`
  }
}
