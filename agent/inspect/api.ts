/** The inspector's endpoints, in the gateway's shapes: what was recorded, as a list, whole, as a command, once more. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../../shared/errors.js'
import { type Again, again, changesOf, curlCommand } from '../../shared/inspect/again.js'
import { exchangeFilter } from '../../shared/inspect/filter.js'
import type { Recording } from '../../shared/inspect/recording.js'
import type { Ring } from '../../shared/inspect/ring.js'
import { listed, shown } from '../../shared/inspect/view.js'
import { takesServerSent } from '../../shared/server-sent.js'
import { streamExchanges } from './live.js'
import { readJson, sendJson, sendText } from './reply.js'

/** Bytes of the changes to a replay: a body and some fields. */
const MOST_CHANGES = 2 * 1024 * 1024

export interface InspectParts {
  ring: Ring
  /** Where the request of a recording can be sent to, for commands. */
  baseOf(recording: Recording): string
  /** Sends it to the handler of that recording. Resolves with the new one, once there is an answer. */
  replay(request: Again, original: Recording): Promise<Recording>
}

export class InspectApi {
  readonly #parts: InspectParts

  constructor(parts: InspectParts) {
    this.#parts = parts
  }

  /** `path` is `/inspect` or below it. Rejects with a Problem. */
  async answer(
    path: string,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [, , id, action, ...more] = path.split('/')
    if (more.length > 0) throw nothing(path)
    if (id === undefined) {
      allow(request, 'GET', 'HEAD')
      this.#list(new URLSearchParams(query), request, response)
      return
    }
    switch (action) {
      case undefined:
        allow(request, 'GET', 'HEAD')
        sendJson(response, shown(this.#recording(id)))
        return
      case 'curl': {
        allow(request, 'GET', 'HEAD')
        const recording = this.#recording(id)
        sendText(response, `${curlCommand(recording, this.#parts.baseOf(recording))}\n`)
        return
      }
      case 'replay':
        allow(request, 'POST')
        sendJson(response, await this.#replay(this.#recording(id), request))
        return
      default:
        throw nothing(path)
    }
  }

  #list(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const { ring } = this.#parts
    const filter = exchangeFilter(query)
    if (request.method === 'GET' && takesServerSent(request.headers.accept))
      streamExchanges(response, ring, filter)
    else sendJson(response, { exchanges: ring.recordings().filter(filter).map(listed) })
  }

  async #replay(original: Recording, request: IncomingMessage): Promise<object> {
    const changes = changesOf(await readJson(request, MOST_CHANGES))
    const wanted = again(original, changes)
    const { requestId, status = 0 } = await this.#parts.replay(wanted, original)
    return { request_id: requestId, replay_of: original.requestId, status, omitted: wanted.omitted }
  }

  #recording(id: string): Recording {
    const recording = this.#parts.ring.get(id.toLowerCase())
    if (recording === undefined)
      throw new Problem('not_found', `no exchange ${JSON.stringify(id.slice(0, 80))} is kept`)
    return recording
  }
}

export function allow({ method = '' }: IncomingMessage, ...methods: readonly string[]): void {
  if (methods.includes(method)) return
  const list = methods.join(', ')
  throw new Problem('method_not_allowed', `this takes ${list}`, { headers: ['allow', list] })
}

export const nothing = (path: string): Problem =>
  new Problem('not_found', `nothing is served under ${JSON.stringify(path.slice(0, 80))}`)
