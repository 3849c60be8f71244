import type { GatewayOptions } from '../options.js'
import { inspects } from './telemetry.js'

/** What an operator asks for first; no secrets. */
export const brief = (options: GatewayOptions): Readonly<Record<string, unknown>> => ({
  auth: options.auth,
  policy: options.policy,
  domain: options.domain,
  engine: options.engine,
  inspect: inspects(options),
  access_log: options.accessLog,
  log_level: options.logLevel,
})
