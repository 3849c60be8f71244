/** Objects of the library ↔ bodies of the wire. */
import type { SessionEvent } from '../../shared/sessions/event.js'
import type { SessionBody } from '../../shared/sessions/session.js'
import { GatewayError } from './gateway-error.js'
import type {
  NewSession,
  Query,
  Reply,
  Session,
  SessionFilter,
  SessionPage,
  SessionRef,
} from './session-gateway.js'

export interface ListBody {
  readonly sessions: readonly SessionBody[]
  readonly next_cursor: string | null
}

export const idOf = (session: SessionRef): string =>
  typeof session === 'string' ? session : session.sessionId

export const sessionOf = (body: SessionBody): Session => ({
  sessionId: body.session_id,
  userId: body.user_id,
  workspaceDir: body.workspace_dir,
  createdAt: body.created_at,
  metadata: body.metadata,
  status: body.status,
  tunnelId: body.tunnel_id,
  lastActiveAt: body.last_active_at,
  expiresAt: body.expires_at,
  ...(body.first_seq !== undefined && { firstSeq: body.first_seq }),
})

export const pageOf = ({ sessions, next_cursor }: ListBody): SessionPage => ({
  sessions: sessions.map(sessionOf),
  nextCursor: next_cursor,
})

export function creationBody({ userId, workspaceDir, metadata, agent }: NewSession): unknown {
  const { tunnelId, ...others } = agent ?? {}
  return plain({
    user_id: userId,
    workspace_dir: workspaceDir,
    metadata,
    ...(agent && { agent: { tunnel_id: tunnelId, ...others } }),
  })
}

export const executionBody = ({ userInput, context, maxIterations }: Query): unknown =>
  plain({ user_input: userInput, context, max_iterations: maxIterations })

export const filterQuery = ({ userId, ...others }: SessionFilter): Record<string, string> =>
  plain({ user_id: userId, ...others }) as Record<string, string>

/** What JSON makes of it: members that are undefined are not there. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value))

/** The whole of a run. */
export async function replyOf(stream: AsyncIterable<SessionEvent>): Promise<Reply> {
  const events: SessionEvent[] = []
  for await (const event of stream) if (event.type !== 'session_info') events.push(event)
  const done = events.at(-1)
  if (done?.type !== 'done') throw new GatewayError('interrupted', 'the run has no done')
  const { output, run_id, status, usage } = done.data as {
    output: string
    run_id: string
    status: Reply['status']
    usage?: Reply['usage']
  }
  return { output, runId: run_id, status, events, ...(usage !== undefined && { usage }) }
}
