/** What is said to a session's runs: over a WebSocket of its own, which the gateway answers in order. */
import type { IncomingMessage } from 'node:http'
import { readRefusal } from '../refusal.js'
import { openWebSocket, type WebSocket } from '../ws.js'
import type { Address } from './address.js'
import { closedError, GatewayError } from './gateway-error.js'
import { unreachable } from './http.js'

export type Said =
  | { readonly action: 'cancel'; readonly run_id: string }
  | { readonly action: 'input'; readonly run_id: string; readonly data: unknown }

/** Milliseconds from the handshake to the answer. */
const PATIENCE = 10_000

/** The close codes that say more than that the connection went. */
const ENDINGS: Readonly<Record<number, readonly [code: string, status: number]>> = {
  4400: ['bad_request', 400],
  4401: ['unauthorized', 401],
  4403: ['forbidden', 403],
  4404: ['not_found', 404],
}

/** Resolves once the gateway has taken it. Rejects with a `GatewayError` where it refused, or was not reached. */
export function tell(address: Address, sessionId: string, said: Said, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = openWebSocket(urlOf(address, sessionId), [], {
      headers: address.headers(),
      handshakeTimeout: PATIENCE,
    })
    let refusal: GatewayError | undefined
    const end = (error?: unknown): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      if (error === undefined) resolve()
      else reject(error)
      socket.terminate()
    }
    const aborted = (): void => end(closedError())
    const timer = setTimeout(() => end(unreachable(address, new Error('it does not answer'))), PATIENCE)
    signal.addEventListener('abort', aborted)
    socket
      .on('open', () => {
        socket.send(JSON.stringify(said))
        // Messages are taken in order: its answer comes after what the gateway has against the first.
        socket.send('{"action":"ping"}')
      })
      .on('message', (data: WebSocket.RawData) => {
        const { type, seq, data: told } = JSON.parse(String(data)) as Told
        if (type === 'error' && seq === undefined) refusal ??= new GatewayError(told.code, told.message)
        if (type === 'pong') end(refusal)
      })
      .on('unexpected-response', (_request: unknown, response: IncomingMessage) => {
        readRefusal(response)
          .then(({ status, code, detail }) =>
            end(new GatewayError(code ?? 'unexpected_answer', detail, { status })),
          )
          .catch((error) => end(unreachable(address, error)))
      })
      .on('close', (code: number, reason: Buffer) => end(refusal ?? endingOf(address, code, String(reason))))
      .on('error', (error: Error) => end(unreachable(address, error)))
    if (signal.aborted) aborted()
  })
}

interface Told {
  readonly type: string
  /** Recorded events have one. */
  readonly seq?: number
  readonly data: { readonly code: string; readonly message: string }
}

function endingOf(address: Address, code: number, reason: string): GatewayError {
  const known = ENDINGS[code]
  if (known !== undefined) return new GatewayError(known[0], reason, { status: known[1] })
  return unreachable(address, new Error(`the WebSocket was closed with ${code} ${reason}`))
}

const urlOf = ({ base }: Address, sessionId: string): string =>
  `${base.replace(/^http/, 'ws')}/api/v1/sessions/${encodeURIComponent(sessionId)}/stream`
