/** What the gateway itself serves: health, and who is connected. */

import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, Problem } from '../../shared/errors.js'
import { GoAwayReason } from '../../shared/frames.js'
import { getField } from '../../shared/headers.js'
import type { Registry } from '../agents/registry.js'
import type { Caller } from '../edge/engine.js'
import { jsonReply, type Reply } from '../edge/reply.js'
import type { Route } from '../edge/routes.js'
import { ConnectionStream } from './connection-stream.js'
import { connections, entityTag, isNotModified, parseFilter } from './connections.js'

export type ApiRoute = Exclude<Route, { kind: 'proxy' | 'links' }>

/** What an answer came to, for the access log. */
export interface Served {
  status: number
  /** Body bytes; 0 of an event stream, which has only begun. */
  bytes: number
}

export interface ApiParts {
  registry: Registry
  version: string
  now(): number
}

export class Api {
  readonly #parts: ApiParts
  readonly #startedAt: number
  readonly #streams = new Set<ConnectionStream>()
  #draining = false

  constructor(parts: ApiParts) {
    this.#parts = parts
    this.#startedAt = parts.now()
  }

  /** Health tells it from now on. */
  drain(): void {
    this.#draining = true
  }

  close(): void {
    for (const stream of this.#streams) stream.close()
  }

  /** @throws Problem where there is no such link, or the query is not understood. */
  serve(caller: Caller, route: ApiRoute, requestId: string): Served {
    const id = ['gw-request-id', requestId]
    switch (route.kind) {
      case 'root':
        return send(caller, jsonReply(200, this.#root(), id))
      case 'health':
        return send(caller, jsonReply(this.#draining ? 503 : 200, this.#health(), id))
      case 'connections':
        return this.#connections(caller, route.query, id)
      case 'connection':
        return send(caller, this.#disconnect(route.id, route.query, id))
      default:
        return assertNever(route)
    }
  }

  #root(): object {
    const { version, registry, now } = this.#parts
    const uptime = Math.round((now() - this.#startedAt) / 1000)
    return { status: 'ok', service: 'gw-gateway', version, uptime_s: uptime, agents_connected: registry.size }
  }

  #health(): object {
    const { version, registry } = this.#parts
    return {
      status: this.#draining ? 'draining' : 'healthy',
      version,
      agents_connected: registry.size,
      sessions_active: 0,
    }
  }

  #connections(caller: Caller, query: string, id: readonly string[]): Served {
    const { registry, now } = this.#parts
    const { headers, method } = caller.head
    const filter = parseFilter(query)
    if (method === 'GET' && /text\/event-stream/i.test(getField(headers, 'accept') ?? '')) {
      const stream = new ConnectionStream(caller, id, registry, filter, now, () =>
        this.#streams.delete(stream),
      )
      this.#streams.add(stream)
      caller.events = stream
      return { status: 200, bytes: 0 }
    }
    const answer = connections(registry, filter, now())
    const tag = entityTag(answer.connections)
    const fields = ['etag', tag, 'cache-control', 'no-cache', ...id]
    if (isNotModified(getField(headers, 'if-none-match'), tag)) {
      caller.respond({ status: 304, headers: fields })
      return { status: 304, bytes: 0 }
    }
    return send(caller, jsonReply(200, answer, fields))
  }

  #disconnect(linkId: string, query: string, id: readonly string[]): Reply {
    const link = this.#parts.registry.link(linkId)
    if (link === undefined)
      throw new Problem('not_found', `no link ${JSON.stringify(linkId.slice(0, 80))} is connected`)
    const drain = new URLSearchParams(query).get('drain')
    if (drain === '1') {
      link.goAway(GoAwayReason.draining, 0, 'drained by an operator')
      return jsonReply(202, { state: 'draining' }, id)
    }
    if (drain !== null) throw new Problem('bad_request', `drain ${JSON.stringify(drain)} is not 1`)
    link.end(CloseCode.goingAway, 'closed by an operator')
    return jsonReply(200, { closed: true }, id)
  }
}

function send(caller: Caller, { head, body }: Reply): Served {
  const length = Buffer.byteLength(body)
  caller.respond({ ...head, length }, body)
  return { status: head.status, bytes: caller.head.method === 'HEAD' ? 0 : length }
}
