/** What an exchange is given, what it needs of its edge, and what it tells when it is over. */

import type { PolicyName } from '../../shared/policies.js'
import type { Job } from '../agents/dispatch.js'
import type { Instance } from '../agents/instance.js'
import type { TrustedProxies } from '../guard/trusted-proxies.js'
import type { Failure } from './attempt.js'
import type { Backlog } from './backlog.js'
import type { Deadlines } from './deadlines.js'
import type { Ended } from './ended.js'
import type { Upgrade } from './engine.js'
import type { Exchange } from './exchange.js'
import type { Admission } from './gate.js'
import type { RelaySettings } from './relaying.js'
import type { ProxyRoute } from './routes.js'
import type { TermLimits } from './terms.js'
import type { UploadLimits } from './upload.js'

export interface ExchangeSettings extends TermLimits, UploadLimits, RelaySettings {
  policy: PolicyName
  trusted: TrustedProxies
}

/** What a request asks for. */
export interface Asked {
  route: ProxyRoute
  /** Of its body, as declared; undefined where there is none. */
  length: number | 'chunked' | undefined
  requestId: string
  /** When its head was here; milliseconds, monotonic. */
  startedAt: number
  /** Where it is a WebSocket's handshake. */
  upgrade?: Upgrade | undefined
  admission: Admission
  /** The exchange that it repeats. */
  replayOf?: string | undefined
}

export interface ExchangeHost {
  readonly settings: ExchangeSettings
  readonly deadlines: Deadlines
  readonly backlog: Backlog
  /** The caller's credential is still good. */
  alive(admission: Admission): boolean
  now(): number
  submit(job: Job): void
  cancel(job: Job): void
  /** A place at the instance is free again. */
  released(instance: Instance): void
  moved(requestId: string, failure: Failure): void
  finished(exchange: Exchange, ended: Ended): void
}
