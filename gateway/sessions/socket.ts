/** A session over a WebSocket: its events go out, what its caller wants comes in, each as one JSON text message. */
import { CloseCode } from '../../shared/close-codes.js'
import { assertNever, Problem } from '../../shared/errors.js'
import { MAX_EXECUTE } from '../../shared/sessions/bounds.js'
import { check, executeBody, socketMessage, socketQuery } from '../../shared/sessions/schemas.js'
import type { SessionPrincipal } from '../../shared/sessions/session.js'
import type { Subscription } from '../../shared/sessions/subscription.js'
import { holds, type Principal } from '../access/principal.js'
import type { SocketHandler } from '../api/request.js'
import type { Socket, SocketEvents } from '../edge/engine.js'
import { cancelQuietly, ownerOf, principalOf, queryOf, type SessionRooms } from './rooms.js'

/** The reader waits while the socket buffers this much. */
const HIGH_WATER = 1024 * 1024

const Code = {
  goingAway: 1001,
  fault: 1011,
  badMessage: CloseCode.protocolError,
  credentialEnded: CloseCode.credentialEnded,
  forbidden: 4403,
  noSession: 4404,
} as const

/** Accepts always: browsers are told of a refusal only by a close code. */
export function sessionSocket(rooms: SessionRooms): SocketHandler {
  return (request, upgrade) => {
    const socket = new SessionSocket(rooms, principalOf(request), request.params.id!)
    const accepted = upgrade.accept(undefined, request.headers, socket)
    if (accepted !== undefined) socket.begin(accepted, queryOf(request))
  }
}

class SessionSocket implements SocketEvents {
  readonly #rooms: SessionRooms
  readonly #principal: Principal
  readonly #owner: SessionPrincipal
  readonly #sessionId: string
  /** Runs that end with this socket. */
  readonly #attached = new Set<string>()
  #socket: Socket | undefined
  #events: Subscription | undefined
  #stopWatching: () => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #heardAt = 0
  #room: (() => void) | undefined

  constructor(rooms: SessionRooms, principal: Principal, sessionId: string) {
    this.#rooms = rooms
    this.#principal = principal
    this.#owner = ownerOf(principal)
    this.#sessionId = sessionId
  }

  begin(socket: Socket, query: Record<string, string>): void {
    this.#socket = socket
    const { sessions, pingInterval, watch } = this.#rooms
    try {
      const { after } = check(socketQuery, query, 'query')
      this.#events = sessions.subscribe(this.#owner, this.#sessionId, after === undefined ? {} : { after })
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#heardAt = performance.now()
    this.#timer = setInterval(() => this.#beat(), pingInterval)
    this.#stopWatching = watch(this.#principal, () =>
      this.#end(Code.credentialEnded, 'the credential is no longer valid'),
    )
    void this.#pass(this.#events)
  }

  // From the socket.

  message(data: Buffer, binary: boolean): void {
    this.#heardAt = performance.now()
    if (this.#socket === undefined) return
    try {
      this.#take(parse(data, binary))
    } catch (error) {
      this.#fail(error)
    }
  }

  drain(): void {
    this.#heardAt = performance.now()
    if ((this.#socket?.bufferedAmount ?? 0) > HIGH_WATER / 2) return
    this.#room?.()
    this.#room = undefined
  }

  pong(): void {
    this.#heardAt = performance.now()
  }

  close(): void {
    this.#socket = undefined
    clearInterval(this.#timer)
    this.#stopWatching()
    this.#events?.close()
    this.drain()
    for (const runId of this.#attached)
      cancelQuietly(this.#rooms.sessions, this.#owner, this.#sessionId, runId)
  }

  #take(message: unknown): void {
    const { sessions } = this.#rooms
    const id = this.#sessionId
    const asked = check(socketMessage, message, 'message')
    if (asked.action === 'ping') {
      this.#say('pong', {})
      return
    }
    if (!holds(this.#principal, 'operator.write'))
      throw new Problem('forbidden', `${asked.action} needs the scope operator.write`)
    // What is refused from here on is no fault of the message.
    try {
      switch (asked.action) {
        case 'execute': {
          const { detach } = check(executeBody, message, 'execute')
          const { runId } = sessions.execute(this.#owner, id, message)
          if (!detach) this.#attached.add(runId)
          return
        }
        case 'cancel':
          sessions.cancel(this.#owner, id, asked.run_id)
          return
        case 'input':
          sessions.input(this.#owner, id, asked.run_id, asked.data)
          return
        default:
          assertNever(asked)
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'bad_request') throw error
      this.#say('error', { code: error.code, message: error.message })
    }
  }

  async #pass(events: Subscription): Promise<void> {
    try {
      for (let items = await events.read(); items !== undefined; items = await events.read()) {
        for (const { json } of items) {
          if (this.#socket === undefined) return
          this.#send(json)
          if (this.#socket.bufferedAmount > HIGH_WATER)
            await new Promise<void>((resolve) => (this.#room = resolve))
        }
      }
      if (events.ended === 'deleted') this.#end(Code.noSession, 'Session not found')
      else this.#end(Code.goingAway, 'the gateway is shutting down')
    } catch (error) {
      this.#fail(error)
    }
  }

  /** What is wrong is said, then the socket ends. */
  #fail(error: unknown): void {
    if (!(error instanceof Problem)) {
      this.#end(Code.fault, 'the gateway failed')
      return
    }
    const { code, message } = error
    this.#say('error', { code, message })
    if (code === 'not_found') this.#end(Code.noSession, message)
    else if (code === 'forbidden') this.#end(Code.forbidden, message)
    else if (code === 'draining') this.#end(Code.goingAway, message)
    else this.#end(Code.badMessage, message)
  }

  #say(type: 'pong' | 'error', data: object): void {
    this.#send(JSON.stringify({ type, data, timestamp: new Date().toISOString() }))
  }

  #send(json: string): void {
    this.#socket?.send(Buffer.from(json), false)
  }

  /** Nothing more is said or heard; its `close` comes by itself. */
  #end(code: number, reason: string): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close(code, reason)
  }

  #beat(): void {
    const { pingInterval, pingTimeout } = this.#rooms
    if (performance.now() - this.#heardAt > pingInterval + pingTimeout) this.#socket?.destroy()
    else this.#socket?.ping()
  }
}

function parse(data: Buffer, binary: boolean): unknown {
  if (binary) throw new Problem('bad_request', 'a message is JSON in a text message, not binary')
  if (data.length > MAX_EXECUTE)
    throw new Problem('bad_request', `a message has more than ${MAX_EXECUTE} bytes`)
  try {
    return JSON.parse(data.toString())
  } catch {
    throw new Problem('bad_request', 'a message is not JSON')
  }
}
