/** The inspector's endpoints: what was recorded, as a list, whole, as a command, and once more. */
import { Problem } from '../../shared/errors.js'
import { getField } from '../../shared/headers.js'
import { again, changesOf, curlCommand } from '../../shared/inspect/again.js'
import { type ExchangeFilter, exchangeFilter } from '../../shared/inspect/filter.js'
import type { Recording } from '../../shared/inspect/recording.js'
import type { Ring } from '../../shared/inspect/ring.js'
import { listed, shown } from '../../shared/inspect/view.js'
import { parseJson } from '../../shared/json-body.js'
import { takesServerSent } from '../../shared/server-sent.js'
import type { Principal } from '../access/principal.js'
import { type ApiHandler, type ApiRequest, streaming } from '../api/request.js'
import type { InternalAnswer, InternalRequest } from '../edge/internal-caller.js'
import { jsonReply } from '../edge/reply.js'
import { ExchangeStream } from './exchange-stream.js'

/** Exchanges of one answer. */
const PAGE = 500

/** Bytes of the changes to a replay: a body and some fields. */
const MOST_CHANGES = 2 * 1024 * 1024

export interface InspectParts {
  /** Undefined where nothing is recorded. */
  ring: Ring | undefined
  /** Whether this operator's credential is for that tunnel. */
  reaches(principal: Principal, tunnelId: string): boolean
  /** Where callers reach the gateway, for commands: one of them by the Host `host`. */
  base(host: string | undefined): string
  /** Sends it to that tunnel, as one that repeats another. */
  replay(
    request: InternalRequest,
    tunnelId: string,
    of: string,
  ): { requestId: string; answer: Promise<InternalAnswer> }
}

const FRESH = ['cache-control', 'no-store']

export class InspectApi {
  readonly #parts: InspectParts
  readonly #streams = new Set<ExchangeStream>()

  constructor(parts: InspectParts) {
    this.#parts = parts
  }

  readonly list: ApiHandler = ({ caller, head, query, headers, principal }) => {
    const wanted = exchangeFilter(query)
    const filter: ExchangeFilter = (recording) => this.#shows(principal, recording) && wanted(recording)
    const ring = this.#ring()
    if (head.method === 'GET' && takesServerSent(getField(head.headers, 'accept'))) {
      const stream = new ExchangeStream(caller, headers, ring, filter, () => this.#streams.delete(stream))
      this.#streams.add(stream)
      caller.events = stream
      return streaming(200)
    }
    const exchanges = ring.recordings().filter(filter).slice(0, PAGE).map(listed)
    return jsonReply(200, { exchanges }, FRESH)
  }

  readonly show: ApiHandler = (request) => jsonReply(200, shown(this.#recording(request)), FRESH)

  readonly curl: ApiHandler = (request) => {
    const base = this.#parts.base(getField(request.head.headers, 'host'))
    const command = curlCommand(this.#recording(request), base)
    return {
      head: { status: 200, headers: ['content-type', 'text/plain; charset=utf-8', ...FRESH] },
      body: `${command}\n`,
    }
  }

  readonly replay: ApiHandler = async (request) => {
    const recording = this.#recording(request)
    const body = await request.body(MOST_CHANGES)
    const changes = changesOf(body.length === 0 ? {} : parseJson(body))
    const { omitted, ...wanted } = again(recording, changes)
    const { tunnelId, requestId: original } = recording
    if (tunnelId === undefined) throw new Problem('conflict', 'that request never reached a tunnel')
    const { requestId, answer } = this.#parts.replay(wanted, tunnelId, original)
    const { status } = await answer
    return jsonReply(200, { request_id: requestId, replay_of: original, status, omitted }, FRESH)
  }

  /** Ends the event streams. */
  close(): void {
    for (const stream of this.#streams) stream.close()
  }

  #ring(): Ring {
    const { ring } = this.#parts
    if (ring === undefined)
      throw new Problem('not_found', 'nothing is recorded: --inspect turns the inspector on')
    return ring
  }

  /** Who may not see all tunnels sees no exchange before it is known to be of one that he may. */
  #shows(principal: Principal | undefined, { tunnelId }: Recording): boolean {
    if (principal?.tunnels === undefined) return true
    return tunnelId !== undefined && this.#parts.reaches(principal, tunnelId)
  }

  #recording({ params, principal }: ApiRequest): Recording {
    const id = (params.request_id ?? '').toLowerCase()
    const recording = this.#ring().get(id)
    if (recording === undefined || !this.#shows(principal, recording))
      throw new Problem('not_found', `no exchange ${JSON.stringify(id.slice(0, 80))} is kept`)
    return recording
  }
}
