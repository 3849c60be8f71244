/** One WebSocket to a gateway: opened, or why it was not. Nothing about trying again. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { getProxyForUrl } from 'proxy-from-env'
import { MAX_MESSAGE, PROTOCOL } from '../shared/limits.js'
import { type PublicAccess, publicFields } from './public-access.js'
import { type LinkRefusal, readRefusal } from './refusal.js'
import { openWebSocket, type WebSocket } from './ws.js'

/** How a gateway's certificate is verified, and what the agent shows of its own. PEM texts. */
export interface DialTls {
  /** Authorities to trust beside Node's own. */
  readonly ca?: readonly string[] | undefined
  readonly insecure?: boolean | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface DialOptions {
  /** ws or wss, with its path. */
  readonly url: string
  readonly tunnelId: string
  readonly instance: string
  /** Number of the link within its instance. */
  readonly link: number
  readonly name?: string | undefined
  /** Where callers need no credential of the gateway: what is asked of them instead. */
  readonly public?: PublicAccess | undefined
  /** A function is asked at each attempt; what it throws is the attempt's failure. */
  readonly token?: string | (() => string) | undefined
  readonly tls?: DialTls | undefined
}

export type DialResult =
  | { readonly kind: 'open'; readonly socket: LinkSocket }
  | LinkRefusal
  | { readonly kind: 'unreachable'; readonly error: Error }

/** What a socket tells. Messages are never written to again: views into them stay valid. */
export interface SocketEvents {
  message(data: Buffer, binary: boolean): void
  /** What was buffered has left. */
  drain(): void
  /** Exactly once, also after `close` and `destroy`. 1006 where no close frame came; `error` says more. */
  close(code: number, reason: string, error: Error | undefined): void
}

export interface LinkSocket {
  /** Bytes taken by `send` that the kernel has not. */
  readonly buffered: number
  /** Copies `message`. Does nothing on a socket that is closing. */
  send(message: Uint8Array): void
  /** What is sent between these two is written at once. */
  cork(): void
  uncork(): void
  /** Sends a close frame and waits a moment for the peer's. `reason` has at most 123 bytes. */
  close(code: number, reason: string): void
  destroy(): void
}

/** From the first packet to the answer of the upgrade, through a proxy too. */
const HANDSHAKE_TIMEOUT = 10_000
/** How long a peer may take to answer a close frame. */
const CLOSE_TIMEOUT = 2_000

/** Resolves always; `signal` ends the attempt as unreachable. */
export function dial(options: DialOptions, events: SocketEvents, signal: AbortSignal): Promise<DialResult> {
  return new Promise((resolve) => {
    const { tls = {} } = options
    const host = new URL(options.url).host
    let websocket: WebSocket
    let tcp: Socket | undefined
    let error: Error | undefined
    let opened = false

    const settle = (result: DialResult): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(result)
      if (result.kind !== 'open') websocket?.terminate()
    }
    const unreachable = (reason: Error): void => settle({ kind: 'unreachable', error: reason })
    const abort = (): void => unreachable(new Error(`dialling ${host} was given up`))
    const timer = setTimeout(
      () => unreachable(new Error(`${host} did not answer within ${HANDSHAKE_TIMEOUT / 1000} s`)),
      HANDSHAKE_TIMEOUT,
    )
    signal.addEventListener('abort', abort, { once: true })

    try {
      const proxy = proxyFor(options.url)
      const token = typeof options.token === 'function' ? options.token() : options.token
      websocket = openWebSocket(dialUrl(options), [PROTOCOL], {
        agent: proxy === undefined ? undefined : new HttpsProxyAgent(proxy),
        maxPayload: MAX_MESSAGE,
        // Frames are binary; text ends the link whatever it holds.
        skipUTF8Validation: true,
        closeTimeout: CLOSE_TIMEOUT,
        headers: {
          ...publicFields(options.public),
          ...(token === undefined ? {} : { authorization: `${schemeOf(token)} ${token}` }),
        },
        ca: tls.ca === undefined ? undefined : [...rootCertificates, ...tls.ca],
        cert: tls.cert,
        key: tls.key,
        rejectUnauthorized: tls.insecure !== true,
      })
    } catch (reason) {
      unreachable(reason instanceof Error ? reason : new Error(String(reason)))
      return
    }

    websocket.on('upgrade', (response: IncomingMessage) => {
      tcp = response.socket
    })
    websocket.on('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
      readRefusal(response).then(settle, unreachable)
    })
    websocket.on('open', () => {
      if (tcp === undefined) return unreachable(new Error(`${host} opened a WebSocket without an upgrade`))
      opened = true
      tcp.on('drain', () => events.drain())
      settle({ kind: 'open', socket: new WsSocket(websocket, tcp) })
    })
    websocket.on('message', (data, binary) => events.message(data as Buffer, binary))
    websocket.on('error', (reason) => {
      error = reason
      if (!opened) unreachable(reason)
    })
    websocket.on('close', (code, reason) => {
      if (opened) events.close(code, reason.toString(), error)
    })
  })
}

class WsSocket implements LinkSocket {
  readonly #websocket: WebSocket
  readonly #tcp: Socket

  constructor(websocket: WebSocket, tcp: Socket) {
    this.#websocket = websocket
    this.#tcp = tcp
  }

  get buffered(): number {
    return this.#websocket.bufferedAmount
  }

  send(message: Uint8Array): void {
    // Masking copies: ws merges header and masked payload into a buffer of its own.
    this.#websocket.send(message)
  }

  cork(): void {
    this.#tcp.cork()
  }

  uncork(): void {
    this.#tcp.uncork()
  }

  close(code: number, reason: string): void {
    this.#websocket.close(code, reason)
  }

  destroy(): void {
    this.#websocket.terminate()
  }
}

function dialUrl(options: DialOptions): string {
  const url = new URL(options.url)
  url.searchParams.set('tunnel_id', options.tunnelId)
  url.searchParams.set('instance', options.instance)
  url.searchParams.set('link', String(options.link))
  if (options.name !== undefined) url.searchParams.set('name', options.name)
  return url.href
}

/** The environment speaks of http and https. A proxy without a scheme is an http one, as for curl. */
function proxyFor(url: string): string | undefined {
  const proxy = getProxyForUrl(url.replace(/^ws/, 'http'))
  if (proxy === '') return undefined
  const bare = proxy.replace(/^https:\/\//, '')
  const given = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].map((name) => process.env[name])
  return given.includes(bare) ? `http://${bare}` : proxy
}

/** A device's credential has a scheme of its own. */
const schemeOf = (token: string): string => (token.startsWith('gwd_') ? 'DeviceToken' : 'Bearer')
