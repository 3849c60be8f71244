/** Which handler an agent's settings ask for. */
import type { ExecuteFunction } from '../../shared/sessions/execution.js'
import type { Handler } from '../handler.js'
import { parseTarget, type Target } from '../target.js'
import type { UpstreamTls } from '../upstream-socket.js'
import { echo } from './echo.js'
import type { FetchHandler } from './fetch.js'
import { forward } from './forward.js'
import { type HandlerModule, moduleHandler } from './module.js'
import { serveStatic } from './static.js'
import type { WebSocketHandler } from './websocket.js'

/** Functions (`fetch`, `websocket`, `execute`), or one of the next three; with none the agent echoes. */
export interface Answering {
  /** Answers requests as a service worker would; any Hono, h3 or itty-router app is one. */
  readonly fetch?: FetchHandler | undefined
  /** Takes WebSockets. */
  readonly websocket?: WebSocketHandler | undefined
  /** Serves the runs of sessions. */
  readonly execute?: ExecuteFunction | undefined
  /** `execute` takes up a run that another agent has begun, by its `history`. */
  readonly resumable?: boolean | undefined
  /** An upstream: a port, `host:port`, a URL without path, `unix:/path.sock`, or one that is parsed. */
  readonly forward?: number | string | URL | Target | undefined
  /** A module's handlers, as `--handlers` loads them. */
  readonly handlers?: HandlerModule | undefined
  /** A directory whose files are served. */
  readonly static?: string | undefined
  /** Host that an upstream sees: `rewrite` (its own, the default), `preserve` (the caller's), or this one. */
  readonly hostHeader?: string | undefined
  readonly upstreamTls?: UpstreamTls | undefined
}

/** @throws TypeError where the settings exclude each other, or name no upstream or directory. */
export function chooseHandler(answering: Answering, tunnelId: string): Handler {
  const { fetch, websocket, execute, resumable, forward: upstream, handlers, static: folder } = answering
  const functions = (['fetch', 'websocket', 'execute'] as const).find((key) => answering[key] !== undefined)
  const given = ([functions ?? 'fetch', 'forward', 'handlers', 'static'] as const).filter(
    (key) => answering[key] !== undefined,
  )
  if (given.length > 1) throw new TypeError(`${given.join(' and ')} exclude each other: one of them answers`)
  if (handlers !== undefined) return moduleHandler(handlers)
  if (folder !== undefined) return serveStatic(folder)
  if (upstream !== undefined) {
    const { hostHeader, upstreamTls: tls } = answering
    return forward({ target: targetOf(upstream), hostHeader, tls })
  }
  return given.length === 0 ? echo(tunnelId) : moduleHandler({ fetch, websocket, execute, resumable })
}

function targetOf(upstream: number | string | URL | Target): Target {
  if (typeof upstream === 'object' && !(upstream instanceof URL)) return upstream
  try {
    return parseTarget(String(upstream))
  } catch (error) {
    throw new TypeError(`forward: ${JSON.stringify(String(upstream))} ${(error as Error).message}`)
  }
}
