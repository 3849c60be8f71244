/** `gw-gateway` as a library. */

export { createLogger, type Logger } from '../shared/log.js'
export { Gateway, type GatewayConfig } from './gateway.js'
