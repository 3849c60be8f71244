import type { ApiHandler } from '../api/request.js'
import { jsonReply } from '../edge/reply.js'
import type { Scheduler } from './scheduler.js'

const FIELDS = ['cache-control', 'no-store']

/**
 * `GET /tasks`: `{"tasks": [...]}`; `GET /tasks/:name/runs`: `{"runs": [...]}`, the latest first; `POST
 * /tasks/:name/run`: 202 with the run that has begun, 409 where one goes on.
 */
export function tasksApi(scheduler: Scheduler): Record<'tasks' | 'taskRuns' | 'runTask', ApiHandler> {
  return {
    tasks: () => jsonReply(200, { tasks: scheduler.tasks }, FIELDS),
    taskRuns: ({ params }) => jsonReply(200, { runs: scheduler.runs(params.name!) }, FIELDS),
    runTask: ({ params }) => jsonReply(202, scheduler.run(params.name!), FIELDS),
  }
}
