import type { GatewayEvent } from './event.js'

/**
 * An event as commands and pages read it: `type`, `timestamp`, `seq`, `data`, and those of `user_id`, `channel_id`,
 * `request_id`, `tunnel_id`, `session_id` that it has. Data that JSON cannot hold is left out, and named.
 */
export function eventJson(event: GatewayEvent): string {
  const { seq, type, timestamp, userId, channelId, requestId, tunnelId, sessionId, data = {} } = event
  const head = {
    type,
    timestamp,
    seq,
    user_id: userId,
    channel_id: channelId,
    request_id: requestId,
    tunnel_id: tunnelId,
    session_id: sessionId,
  }
  try {
    return JSON.stringify({ ...head, data })
  } catch (error) {
    return JSON.stringify({ ...head, data: {}, data_error: String(error) })
  }
}
