/** Which handler an agent's settings ask for. */
import type { Handler } from '../handler.js'
import { parseTarget, type Target } from '../target.js'
import type { UpstreamTls } from '../upstream-socket.js'
import { echo } from './echo.js'
import { type FetchHandler, fetchHandler } from './fetch.js'
import { forward } from './forward.js'
import { type HandlerModule, moduleHandler } from './module.js'

/** At most one of the first three; with none the agent echoes. */
export interface Answering {
  /** Answers requests as a service worker would; any Hono, h3 or itty-router app is one. */
  readonly fetch?: FetchHandler | undefined
  /** An upstream: a port, `host:port`, a URL without path, `unix:/path.sock`, or one that is parsed. */
  readonly forward?: number | string | URL | Target | undefined
  /** A module's handlers, as `--handlers` loads them. */
  readonly handlers?: HandlerModule | undefined
  /** Host that an upstream sees: `rewrite` (its own, the default), `preserve` (the caller's), or this one. */
  readonly hostHeader?: string | undefined
  readonly upstreamTls?: UpstreamTls | undefined
}

/** @throws TypeError where the settings exclude each other or name no upstream. */
export function chooseHandler(answering: Answering, tunnelId: string): Handler {
  const { fetch, handlers, hostHeader, upstreamTls: tls } = answering
  const given = (['fetch', 'forward', 'handlers'] as const).filter((key) => answering[key] !== undefined)
  if (given.length > 1) throw new TypeError(`${given.join(' and ')} exclude each other: one of them answers`)
  if (fetch !== undefined) return fetchHandler(fetch)
  if (handlers !== undefined) return moduleHandler(handlers)
  if (answering.forward === undefined) return echo(tunnelId)
  return forward({ target: targetOf(answering.forward), hostHeader, tls })
}

function targetOf(upstream: number | string | URL | Target): Target {
  if (typeof upstream === 'object' && !(upstream instanceof URL)) return upstream
  try {
    return parseTarget(String(upstream))
  } catch (error) {
    throw new TypeError(`forward: ${JSON.stringify(String(upstream))} ${(error as Error).message}`)
  }
}
