/** What happens in a gateway, as hooks, the dashboard and programs hear of it. */

export const EVENT_TYPES = [
  'gateway:startup',
  'gateway:shutdown',
  'agent:connected',
  'agent:disconnected',
  'agent:unresponsive',
  'adapter:connected',
  'adapter:disconnected',
  'session:start',
  'session:end',
  'session:timeout',
  'message:received',
  'message:sent',
  'message:cancelled',
  'tool:start',
  'tool:end',
  'tool:error',
  'request:error',
  'scheduler:task_run',
  'scheduler:task_error',
  'auth:failed',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

/** What a room says; the bus adds the rest. */
export interface Happening {
  readonly type: EventType
  readonly tunnelId?: string | undefined
  readonly sessionId?: string | undefined
  readonly userId?: string | undefined
  readonly channelId?: string | undefined
  readonly requestId?: string | undefined
  /** What else there is to know; JSON. */
  readonly data?: Readonly<Record<string, unknown>>
}

export interface GatewayEvent extends Happening {
  /** Grows by one from event to event of this process. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly timestamp: string
}

/** How a room tells what happened: never blocks, never throws. */
export type Tell = (happening: Happening) => void
