/// <reference types="node" preserve="true" />
/** `gw-agent/client`: sessions, at a gateway or in this process. */
export type { EventType, SessionEvent } from '../../shared/sessions/event.js'
export type { ExecuteFunction, Execution } from '../../shared/sessions/execution.js'
export type { SessionStatus } from '../../shared/sessions/session.js'
export { ExternalGateway, type ExternalGatewayOptions } from './external-gateway.js'
export { GatewayError } from './gateway-error.js'
export { type Executing, InProcessGateway, type InProcessGatewayOptions } from './in-process-gateway.js'
export type { Retry } from './patience.js'
export type {
  AgentChoice,
  NewSession,
  Query,
  Reply,
  Session,
  SessionFilter,
  SessionGateway,
  SessionPage,
  SessionRef,
} from './session-gateway.js'
