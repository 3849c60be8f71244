/** How an event reaches a command: by variables and standard input, never as a part of its text. */
import type { GatewayEvent } from '../events/event.js'

/** A variable of more than 128 KiB keeps a program from starting on Linux; this leaves room for the others. */
const MOST_DATA = 64 * 1024

/** What an id may have before it is cut: ids come from callers, too. */
const MOST_ID = 4096

/** What is the same in each event of one gateway. */
export interface HookPlace {
  /** The same after a restart. */
  readonly nodeId: () => string
  readonly platform: string
}

/** All are there; those that an event knows nothing of are empty. `json`: the whole event. */
export function eventVariables(
  event: GatewayEvent,
  json: string,
  { nodeId, platform }: HookPlace,
): Record<string, string> {
  const whole = Buffer.byteLength(json) <= MOST_DATA
  return {
    GW_EVENT_TYPE: event.type,
    GW_TIMESTAMP: event.timestamp,
    GW_NODE_ID: nodeId(),
    GW_PLATFORM: platform,
    GW_USER_ID: id(event.userId),
    GW_CHANNEL_ID: id(event.channelId),
    GW_REQUEST_ID: id(event.requestId),
    GW_TUNNEL_ID: id(event.tunnelId),
    GW_SESSION_ID: id(event.sessionId),
    GW_EVENT_DATA: whole ? json : '',
    ...(whole ? {} : { GW_EVENT_TRUNCATED: '1' }),
  }
}

/** An environment holds no zero byte. */
const id = (value = ''): string => value.slice(0, MOST_ID).replaceAll('\0', '')

const OURS = /^GW_(EVENT_\w*|TIMESTAMP|NODE_ID|PLATFORM|(USER|CHANNEL|REQUEST|TUNNEL|SESSION)_ID)$/

/** Why a hook cannot set this variable. */
export function variableFault(name: string, value: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'is no name of a variable'
  if (value.includes('\0')) return 'holds a zero byte'
  return undefined
}

/** The same, of one that an event sets itself. */
export function hookVariableFault(name: string, value: string): string | undefined {
  return OURS.test(name) ? 'is set by the event' : variableFault(name, value)
}
