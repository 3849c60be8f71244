/** The inspector of an agent's process: what its tunnels served last, on a port of this machine. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ResetCode } from '../../shared/frames.js'
import type { Again } from '../../shared/inspect/again.js'
import type { Recording } from '../../shared/inspect/recording.js'
import { Redaction } from '../../shared/inspect/redact.js'
import { Ring } from '../../shared/inspect/ring.js'
import type { Accept } from '../serve.js'
import { allow, InspectApi, nothing } from './api.js'
import { checkAsker } from './guard.js'
import { pageFolder, sendPage } from './page.js'
import { type AgentRecording, Recorder } from './recorder.js'
import { openOf, ReplayStream } from './replay.js'
import { sendJson, sendProblem, sendRedirect, setPolicy } from './reply.js'

const HOST = '127.0.0.1'
/** A few pages, with a few connections each. */
const MOST_CONNECTIONS = 64

export interface InspectorOptions {
  /** 0: any that is free. */
  port: number
  /** Names of fields that are not kept, beside those that never are. */
  redact?: readonly string[] | undefined
}

export interface InspectedTunnel {
  tunnelId: string
  /** What its exchanges go to, for people. */
  route: string
  /** Where commands send a request to: a URL without a final slash. */
  base: string
}

export class Inspector {
  readonly #recorder: Recorder
  readonly #tunnels = new Map<string, { tunnel: InspectedTunnel; accept: Accept }>()
  readonly #replays = new Set<ReplayStream>()
  readonly #api: InspectApi
  readonly #page = pageFolder()
  readonly #server: Server
  #url = ''

  private constructor(redact: readonly string[]) {
    this.#recorder = new Recorder(new Ring(), new Redaction(redact))
    this.#api = new InspectApi({
      ring: this.#recorder.ring,
      baseOf: ({ tunnelId = '' }) => this.#tunnels.get(tunnelId)?.tunnel.base ?? '',
      replay: (request, original) => this.#replay(request, original),
    })
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => sendProblem(response, error))
    })
    this.#server.maxConnections = MOST_CONNECTIONS
  }

  /** Rejects with an Error that names the option where the port cannot be listened on. */
  static async start({ port, redact = [] }: InspectorOptions): Promise<Inspector> {
    const inspector = new Inspector(redact)
    inspector.#server.listen(port, HOST)
    try {
      await once(inspector.#server, 'listening')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const why = code === 'EADDRINUSE' ? 'is taken; 0 picks a free one' : `cannot be listened on: ${message}`
      throw new Error(`--inspect-port: port ${port} of ${HOST} ${why}`, { cause: error })
    }
    inspector.#url = `http://${HOST}:${(inspector.#server.address() as AddressInfo).port}`
    return inspector
  }

  /** Of the page; without a final slash. */
  get url(): string {
    return this.#url
  }

  /** Puts the recorder in front of what serves the tunnel. */
  watch(tunnel: InspectedTunnel): (accept: Accept) => Accept {
    return (accept) => {
      this.#tunnels.set(tunnel.tunnelId, { tunnel, accept })
      return (stream, open) => this.#recorder.record(accept, stream, open, tunnel).events
    }
  }

  async close(): Promise<void> {
    for (const replay of this.#replays) replay.cut(ResetCode.cancelled, 'the inspector ends')
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    setPolicy(response)
    checkAsker(method, headers)
    const [path = '', ...queries] = url.split('?')
    if (path === '/inspect' || path.startsWith('/inspect/')) {
      await this.#api.answer(path, queries.join('?'), request, response)
      return
    }
    allow(request, 'GET', 'HEAD')
    // Whoever reaches this machine's loopback may do what the agent's own user may.
    if (path === '/dashboard/session')
      sendJson(response, { modes: ['none'], signed_in: true, scopes: ['operator.admin'] })
    else if (path === '/') sendRedirect(response, '/dashboard')
    else if (path === '/dashboard' || path.startsWith('/dashboard/'))
      sendPage(this.#page, path, request, response)
    else throw nothing(path)
  }

  async #replay(request: Again, original: Recording): Promise<Recording> {
    // Only the recorder puts any into its ring.
    const open = openOf(request, (original as AgentRecording).stream)
    const { tunnel, accept } = this.#tunnels.get(original.tunnelId ?? '')!
    const stream = new ReplayStream(() => this.#replays.delete(stream))
    this.#replays.add(stream)
    const origin = { ...tunnel, replayOf: original.requestId }
    const { recording, events } = this.#recorder.record(accept, stream, open, origin)
    stream.begin(events)
    await stream.answered
    return recording
  }
}
