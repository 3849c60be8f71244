/** The faces of the sessions on a real port: what the gateway's own table does with them, in short. */
import type { Test } from 'tap'
import { EVERYBODY, type Principal, type Scope } from '../../gateway/access/principal.js'
import { readBody } from '../../gateway/api/body.js'
import type { ApiHandler, ApiRequest } from '../../gateway/api/request.js'
import type { Caller, EngineHandlers } from '../../gateway/edge/engine.js'
import { loadEngine } from '../../gateway/edge/engines.js'
import { problemReply, type Reply } from '../../gateway/edge/reply.js'
import { type SessionHandlers, sessionHandlers } from '../../gateway/sessions/session-room.js'
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import { parseJson } from '../../shared/json-body.js'
import { createLogger } from '../../shared/log.js'
import { type EngineRig, type RigOptions, startSessions } from './session-rig.js'

/** Whom the field `x-who` names, and what each may. */
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  admin: EVERYBODY,
  alice: operator('alice', 'operator.write'),
  bob: operator('bob', 'operator.write'),
  reader: operator('alice', 'operator.read'),
}

function operator(name: string, scope: Scope): Principal {
  return { id: `token:${name}`, scopes: new Set([scope]), node: undefined, expiresAt: undefined }
}

export interface SessionSite extends EngineRig {
  readonly url: string
  readonly port: number
  /** Ends the credentials behind every stream. */
  revoke(): void
}

export async function startSite(
  t: Test,
  engineName: 'node' | 'uws',
  options: RigOptions,
): Promise<SessionSite> {
  const rig = startSessions(t, options)
  const watched = new Set<() => void>()
  const rooms = {
    sessions: rig.sessions,
    pingInterval: 15_000,
    pingTimeout: 10_000,
    watch(_principal: Principal, ended: () => void) {
      watched.add(ended)
      return () => void watched.delete(ended)
    },
  }
  const handlers = serving(sessionHandlers(rooms), (error) => void t.error(error))
  const log = createLogger({ level: 'error', write() {} })
  const limits = { maxMessage: 32 * 1024 * 1024, maxBackpressure: 64 * 1024 * 1024 }
  const factory = await loadEngine(engineName, log)
  const onError = (error: unknown): void => void t.error(error)
  const engine = factory(
    { host: '127.0.0.1', port: 0, ...limits, links: { path: '/ws', ...limits }, onError },
    handlers,
  )
  const port = await engine.listen()
  t.teardown(() => engine.close())
  const revoke = (): void => {
    for (const ended of watched) ended()
  }
  return { ...rig, url: `http://127.0.0.1:${port}/api/v1/sessions`, port, revoke }
}

/** As the gateway's own table does it. */
export function serving(handlers: SessionHandlers, onError: (error: unknown) => void): EngineHandlers {
  return {
    request(caller) {
      const request = requestOf(caller)
      const handler = handlerOf(handlers, caller.head.method, request)
      const answer = ({ head, body }: Reply): void =>
        caller.respond({ ...head, length: Buffer.byteLength(body) }, body)
      const fail = (error: unknown): void => {
        if (!(error instanceof Problem)) onError(error)
        else answer(problemReply(error, 'r', caller.head.headers))
      }
      // A handler may throw, or reject.
      void (async () => handler(request))()
        .then((said) => 'kind' in said || answer(said))
        .catch(fail)
    },
    upgrade(upgrade) {
      void handlers.sessionStream(requestOf(upgrade.caller), upgrade)
    },
  }
}

function requestOf(caller: Caller): ApiRequest {
  const { head } = caller
  caller.events = { data() {}, end() {}, writable() {}, aborted() {} }
  const url = new URL(head.target, 'http://x')
  const [, id = ''] = /^\/(?:api\/v1\/)?sessions\/([^/]+)/.exec(url.pathname) ?? []
  const hasBody = (getField(head.headers, 'content-length') ?? '0') !== '0'
  if (hasBody) caller.pause()
  const body = (most?: number): Promise<Buffer> =>
    hasBody ? readBody(caller, most) : Promise.resolve(Buffer.alloc(0))
  return {
    head,
    requestId: 'r',
    params: { id },
    query: url.searchParams,
    principal: PRINCIPALS[getField(head.headers, 'x-who') ?? 'alice'],
    headers: ['gw-request-id', 'r'],
    caller,
    body,
    json: async (most) => parseJson(await body(most)),
  }
}

function handlerOf(handlers: SessionHandlers, method: string, { head, params }: ApiRequest): ApiHandler {
  const [, last] = /\/(events|execute)(?:\?|$)/.exec(head.target) ?? []
  if (last === 'events') return handlers.sessionEvents
  if (last === 'execute') return handlers.execute
  if (params.id === '') return method === 'POST' ? handlers.createSession : handlers.sessions
  if (method === 'GET') return handlers.session
  return method === 'PATCH' ? handlers.changeSession : handlers.removeSession
}
