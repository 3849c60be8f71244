/** Sessions over HTTP. Each handler says what is asked; the engine knows the rules. */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import { MAX_EXECUTE } from '../../shared/sessions/bounds.js'
import { parseEvent, type SessionEvent } from '../../shared/sessions/event.js'
import { check, eventsQuery, executeBody } from '../../shared/sessions/schemas.js'
import type { SessionPrincipal } from '../../shared/sessions/session.js'
import type { Subscription } from '../../shared/sessions/subscription.js'
import { type ApiHandler, type ApiRequest, type Streaming, streamed } from '../api/request.js'
import { NO_EVENTS } from '../edge/engine.js'
import { jsonReply, type Reply } from '../edge/reply.js'
import { EventStream, type Format, formatOf } from './event-stream.js'
import { cancelQuietly, ownerOf, principalOf, queryOf, type SessionRooms } from './rooms.js'

export class SessionsApi {
  readonly #rooms: SessionRooms

  constructor(rooms: SessionRooms) {
    this.#rooms = rooms
  }

  readonly create: ApiHandler = async (request) => {
    const key = getField(request.head.headers, 'idempotency-key')
    const session = this.#rooms.sessions.create(who(request), await request.json(), key)
    return jsonReply(201, session, ['location', `/api/v1/sessions/${session.session_id}`])
  }

  readonly list: ApiHandler = (request) =>
    jsonReply(200, this.#rooms.sessions.list(who(request), queryOf(request)))

  readonly get: ApiHandler = (request) =>
    jsonReply(200, this.#rooms.sessions.get(who(request), idOf(request)))

  readonly patch: ApiHandler = async (request) =>
    jsonReply(200, this.#rooms.sessions.patch(who(request), idOf(request), await request.json()))

  readonly remove: ApiHandler = (request) => {
    this.#rooms.sessions.delete(who(request), idOf(request))
    return jsonReply(200, { deleted: true })
  }

  /** A page, or, where `Accept` asks for a stream, all from `after` on and what comes. */
  readonly events: ApiHandler = (request) => {
    const { sessions } = this.#rooms
    const { headers, method } = request.head
    const format = method === 'HEAD' ? undefined : formatOf(getField(headers, 'accept'))
    const query = queryOf(request)
    if (format !== undefined) {
      // A reader that reconnects asks for the same URL again.
      const last = getField(headers, 'last-event-id')
      const { after = 0 } = check(eventsQuery, last ? { ...query, after: last } : query, 'query')
      return this.#stream(request, sessions.subscribe(who(request), idOf(request), { after }), format)
    }
    const { events, firstSeq, lastSeq } = sessions.events(who(request), idOf(request), query)
    const seq = events.at(-1)?.seq ?? lastSeq
    return jsonReply(200, {
      events: events.map(parseEvent),
      first_seq: firstSeq,
      last_seq: lastSeq,
      next_after: seq < lastSeq ? seq : null,
    })
  }

  readonly execute: ApiHandler = async (request) => {
    const { sessions } = this.#rooms
    const owner = who(request)
    const id = idOf(request)
    // Before a long body is read.
    sessions.get(owner, id)
    const body = await request.json(MAX_EXECUTE)
    const { runId, after } = sessions.execute(owner, id, body)
    const { stream, detach } = check(executeBody, body, 'execute')
    const events = sessions.subscribe(owner, id, { after, runId })
    const left = (): void => {
      if (!detach) cancelQuietly(sessions, owner, id, runId)
    }
    const format = formatOf(getField(request.head.headers, 'accept')) ?? 'sse'
    if (stream) {
      // Named before its first event, so that its caller can cancel it, and find it again.
      const headers = [...request.headers, 'gw-run-id', runId]
      return this.#stream({ ...request, headers }, events, format, left)
    }
    return this.#whole(request, events, { owner, id, runId, after }, left)
  }

  /** The run's answer once it is over. Its events are taken from the store, which bounds how many there are. */
  async #whole(
    { caller }: ApiRequest,
    events: Subscription,
    { owner, id, runId, after }: { owner: SessionPrincipal; id: string; runId: string; after: number },
    left: () => void,
  ): Promise<Reply | Streaming> {
    const aborted = (): void => events.close()
    caller.events = { ...NO_EVENTS, aborted }
    let done: SessionEvent | undefined
    for (let items = await events.read(); items !== undefined; items = await events.read())
      for (const item of items) if (item.type === 'done') done = JSON.parse(item.json)
    if (done === undefined) {
      left()
      if (events.ended === 'left') return streamed(0)
      throw new Problem('not_found', 'Session not found')
    }
    const { output, status, usage } = done.data
    return jsonReply(200, {
      output,
      run_id: runId,
      status,
      ...(usage !== undefined && { usage }),
      events: this.#eventsOf(owner, id, runId, after),
    })
  }

  #eventsOf(owner: SessionPrincipal, id: string, runId: string, after: number): SessionEvent[] {
    const all: SessionEvent[] = []
    for (let from = after; ; ) {
      const { events, lastSeq } = this.#rooms.sessions.events(owner, id, { after: from, limit: 1000 })
      for (const event of events) if (event.runId === runId) all.push(parseEvent(event))
      from = events.at(-1)?.seq ?? lastSeq
      if (from >= lastSeq || all.at(-1)?.type === 'done') return all
    }
  }

  #stream(request: ApiRequest, events: Subscription, format: Format, left = (): void => {}): Streaming {
    const stop = this.#rooms.watch(principalOf(request), () => events.close())
    new EventStream(request, events, format, () => {
      stop()
      left()
    })
    return streamed(200)
  }
}

const who = (request: ApiRequest): SessionPrincipal => ownerOf(principalOf(request))
const idOf = ({ params }: ApiRequest): string => params.id!
