/// <reference types="node" preserve="true" />

/** `gw-gateway` as a library. */

export { createLogger, type Logger } from '../shared/log.js'
export type { EventHandler } from './events/bus.js'
export type { EventType, GatewayEvent } from './events/event.js'
export { Gateway, type GatewayConfig } from './gateway.js'
export type { ScheduleSpec } from './scheduler/code-task.js'
