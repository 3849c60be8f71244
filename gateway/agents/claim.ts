/** What an agent's handshake claims. It stands in the request alone: a link claims nothing later. */
import { validate as isUuid, v4 as randomUuid } from 'uuid'
import { Problem } from '../../shared/errors.js'
import { getField, listField } from '../../shared/headers.js'
import { PROTOCOL } from '../../shared/limits.js'
import { ownText } from '../../shared/own-text.js'
import { nameFault, parseTunnelId, type TunnelId } from '../../shared/tunnel-id.js'
import type { RequestHead } from '../edge/engine.js'
import { guardOf, type TunnelGuard } from '../guard/tunnel-guard.js'

export interface LinkClaim {
  tunnel: TunnelId
  instanceId: string
  /** The link's number within its instance. */
  number: number
  name: string | null
  remoteAddress: string
  /** The Host that it dialled. */
  host?: string | undefined
  /** What callers without a credential have to pass; undefined where the tunnel is not open to them. */
  guard?: TunnelGuard | undefined
}

/** Links of one instance; more than any network needs. */
const MAX_NUMBER = 63

/** @throws Problem `unsupported_protocol`, `invalid_tunnel_id` or `bad_request`. */
export function parseClaim(head: RequestHead): LinkClaim {
  if (!listField(head.headers, 'sec-websocket-protocol').includes(PROTOCOL)) {
    throw new Problem('unsupported_protocol', `a link speaks the WebSocket subprotocol ${PROTOCOL}`, {
      headers: ['upgrade', 'websocket', 'sec-websocket-protocol', PROTOCOL],
    })
  }
  const at = head.target.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : head.target.slice(at + 1))
  const id = query.get('tunnel_id') ?? getField(head.headers, 'gw-tunnel-id')
  if (id === undefined) throw new Problem('invalid_tunnel_id', 'the handshake names no tunnel_id')
  const tunnel = parseTunnelId(id)
  const instanceId = query.get('instance') ?? randomUuid()
  if (!isUuid(instanceId))
    throw new Problem('bad_request', `instance ${JSON.stringify(instanceId)} is not a uuid`)
  const link = query.get('link') ?? '0'
  if (!/^\d{1,2}$/.test(link) || Number(link) > MAX_NUMBER) {
    throw new Problem('bad_request', `link ${JSON.stringify(link)} is not a number from 0 to ${MAX_NUMBER}`)
  }
  const name = query.get('name') || null
  const fault = name === null ? undefined : nameFault(name)
  if (fault !== undefined) throw new Problem('bad_request', `name ${JSON.stringify(name)} ${fault}`)
  return {
    tunnel,
    instanceId: ownText(instanceId.toLowerCase()),
    number: Number(link),
    name,
    remoteAddress: head.remoteAddress,
    host: getField(head.headers, 'host'),
    guard: guardOf(head.headers),
  }
}
