/** Streams that the gateway opens → a handler, as many at once as the instance takes. */
import { assertNever } from '../shared/errors.js'
import { type Open, ResetCode, StreamKind } from '../shared/frames.js'
import { NO_STREAM_EVENTS, type StreamEvents } from '../shared/stream-events.js'
import { type AnswerStream, Exchange } from './exchange.js'
import type { Handler } from './handler.js'

/** Serves a stream that was opened, or resets it. Never throws. */
export type Accept = (stream: AnswerStream, open: Open) => StreamEvents

export interface ServerOptions {
  readonly handler: Handler
  /** Exchanges at once, over all links. */
  readonly maxConcurrent: number
  /** Told of each exchange as it begins and once it is over. Must not throw. */
  readonly observer?: ExchangeObserver | undefined
}

export interface ExchangeObserver {
  began(exchange: Exchange): void
  ended(exchange: Exchange): void
}

export class Server {
  readonly #options: ServerOptions
  #inFlight = 0

  constructor(options: ServerOptions) {
    this.#options = options
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Never throws: what a handler throws costs its own exchange. */
  readonly accept: Accept = (stream, open) => {
    const { handler, maxConcurrent, observer } = this.#options
    if (this.#inFlight >= maxConcurrent)
      return refuse(stream, `the agent serves ${maxConcurrent} exchanges at once`)
    const exchange = new Exchange(stream, open, this.#ended)
    this.#inFlight++
    observer?.began(exchange)
    try {
      serve(handler, exchange, open.stream)
    } catch (error) {
      exchange.threw(error)
    }
    return exchange
  }

  readonly #ended = (exchange: Exchange): void => {
    this.#inFlight--
    this.#options.observer?.ended(exchange)
  }
}

function serve(handler: Handler, exchange: Exchange, kind: StreamKind): void {
  switch (kind) {
    case StreamKind.http:
      handler.serve(exchange)
      return
    case StreamKind.websocket:
      handler.websocket(exchange)
      return
    case StreamKind.run:
      if (handler.run === undefined) exchange.fail(ResetCode.refused, 'the agent serves no runs')
      else handler.run(exchange)
      return
    default:
      assertNever(kind)
  }
}

function refuse(stream: AnswerStream, message: string): StreamEvents {
  stream.reset(ResetCode.refused, message)
  return NO_STREAM_EVENTS
}
