/** The tasks of a job as they were asked for, without the parts of maps. */
import type { GraphTask, TaskConstraints } from '#shared/contracts/jobs/graph.ts'
import type { Queryable } from '#shared/store/store.ts'

interface Row {
  task_id: string
  type: GraphTask['type']
  input: string
  needs: string
}

type AskedTask = Pick<GraphTask, 'id' | 'type' | 'input'> & { constraints: TaskConstraints }

export async function tasksAsked(store: Queryable, jobId: string): Promise<AskedTask[]> {
  const rows = await store.query<Row>(
    `select task_id, type, input, needs from tasks
     where job_id = $1 and position('.' in task_id) = 0 order by number`,
    [jobId]
  )
  return rows.map(({ task_id: id, type, input, needs }) => ({
    id,
    type,
    input: JSON.parse(input) as GraphTask['input'],
    constraints: JSON.parse(needs) as TaskConstraints
  }))
}
