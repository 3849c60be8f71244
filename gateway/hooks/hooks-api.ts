import type { ApiHandler } from '../api/request.js'
import { jsonReply } from '../edge/reply.js'
import type { Hooks } from './hooks.js'

/** `GET /hooks/runs`: `{"runs": [...], "running", "waiting", "dropped"}`, the latest first. */
export function hookRunsApi(hooks: Hooks): ApiHandler {
  return () => jsonReply(200, hooks.runs, ['cache-control', 'no-store'])
}
