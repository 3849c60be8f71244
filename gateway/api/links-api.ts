/** Who is connected, and closing a link. */
import { CloseCode } from '../../shared/close-codes.js'
import { Problem } from '../../shared/errors.js'
import { GoAwayReason } from '../../shared/frames.js'
import { getField } from '../../shared/headers.js'
import { takesServerSent } from '../../shared/server-sent.js'
import type { Registry } from '../agents/registry.js'
import { jsonReply } from '../edge/reply.js'
import { ConnectionStream } from './connection-stream.js'
import { connections, entityTag, isNotModified, parseFilter, seenBy } from './connections.js'
import { type ApiHandler, streaming } from './request.js'

export class LinksApi {
  readonly #registry: Registry
  readonly #now: () => number
  readonly #streams = new Set<ConnectionStream>()

  constructor(registry: Registry, now: () => number) {
    this.#registry = registry
    this.#now = now
  }

  readonly connections: ApiHandler = ({ caller, head, query, headers, principal }) => {
    const filter = seenBy(principal, parseFilter(query))
    if (head.method === 'GET' && takesServerSent(getField(head.headers, 'accept'))) {
      const stream = new ConnectionStream(caller, headers, this.#registry, filter, this.#now, () =>
        this.#streams.delete(stream),
      )
      this.#streams.add(stream)
      caller.events = stream
      return streaming(200)
    }
    const answer = connections(this.#registry, filter, this.#now())
    const tag = entityTag(answer.connections)
    const fields = ['etag', tag, 'cache-control', 'no-cache']
    if (isNotModified(getField(head.headers, 'if-none-match'), tag))
      return { head: { status: 304, headers: fields }, body: '' }
    return jsonReply(200, answer, fields)
  }

  readonly disconnect: ApiHandler = ({ params, query, principal }) => {
    const id = params.link_id ?? ''
    const link = this.#registry.link(id)
    if (link === undefined || !seenBy(principal, () => true)(link))
      throw new Problem('not_found', `no link ${JSON.stringify(id.slice(0, 80))} is connected`)
    const drain = query.get('drain')
    if (drain === '1') {
      link.goAway(GoAwayReason.draining, 0, 'drained by an operator')
      return jsonReply(202, { state: 'draining' })
    }
    if (drain !== null) throw new Problem('bad_request', `drain ${JSON.stringify(drain)} is not 1`)
    link.end(CloseCode.goingAway, 'closed by an operator')
    return jsonReply(200, { closed: true })
  }

  /** Ends the event streams. */
  close(): void {
    for (const stream of this.#streams) stream.close()
  }
}
