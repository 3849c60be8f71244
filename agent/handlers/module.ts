/** Handlers that a module exports, by name or as members of its default export. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ExecuteFunction } from '../../shared/sessions/execution.js'
import type { Exchange } from '../exchange.js'
import type { Handler } from '../handler.js'
import { answerRun } from './execute.js'
import { answerRequest, type FetchHandler } from './fetch.js'
import { respondText } from './text.js'
import { answerWebSocket, type WebSocketHandler } from './websocket.js'

const NAMES = ['fetch', 'websocket', 'execute'] as const

export interface HandlerModule {
  readonly fetch?: FetchHandler | undefined
  readonly websocket?: WebSocketHandler | undefined
  /** Serves the runs of sessions. */
  readonly execute?: ExecuteFunction | undefined
  /** `execute` takes up a run that another agent has begun, by its `history`. */
  readonly resumable?: boolean | undefined
}

/** Rejects with an Error that names the file and what is wrong with it. */
export async function loadHandlers(file: string): Promise<HandlerModule> {
  const path = resolve(file)
  const module: unknown = await import(pathToFileURL(path).href).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`handlers ${path} cannot be loaded: ${message}`, { cause: error })
  })
  const main = memberOf(module, 'default')
  const found: Record<string, unknown> = {}
  for (const name of NAMES) {
    const own = memberOf(module, name)
    const member = own ?? memberOf(main, name)
    if (member === undefined) continue
    if (typeof member !== 'function')
      throw new Error(`handlers ${path} exports ${name} as ${typeof member}; it must be a function`)
    found[name] = own === undefined ? member.bind(main) : member
  }
  const resumable = memberOf(module, 'resumable') ?? memberOf(main, 'resumable')
  if (Object.keys(found).length === 0) {
    throw new Error(
      `handlers ${path} exports none of ${NAMES.join(', ')}, neither by name nor in its default export`,
    )
  }
  return { ...found, resumable: resumable === true }
}

/** Requests and WebSockets that no export answers get 501; runs are not even offered. */
export function moduleHandler({ fetch, websocket, execute, resumable }: HandlerModule): Handler {
  return {
    ...(execute !== undefined && {
      run: (exchange: Exchange) => answerRun(exchange, execute),
      resumable: resumable === true,
    }),
    serve(exchange) {
      if (fetch === undefined) respondText(exchange, 501, 'This agent has no handler for requests.')
      else void answerRequest(exchange, fetch)
    },
    websocket(exchange) {
      if (websocket === undefined) respondText(exchange, 501, 'This agent has no handler for WebSockets.')
      else void answerWebSocket(exchange, websocket)
    },
    destroy() {},
  }
}

function memberOf(holder: unknown, name: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) return undefined
  return name in holder ? (holder as Record<string, unknown>)[name] : undefined
}
