import { defineOptions, type Loaded, type ValuesOf } from '../shared/options.js'
import { accessOptions } from './options/access.js'
import { filesOptions } from './options/files.js'
import { guardOptions } from './options/guard.js'
import { hooksOptions } from './options/hooks.js'
import { limitsOptions } from './options/limits.js'
import { listenOptions } from './options/listen.js'
import { logOptions } from './options/log.js'
import { routingOptions } from './options/routing.js'
import { sessionsOptions } from './options/sessions.js'
import { telemetryOptions } from './options/telemetry.js'
import { timeoutsOptions } from './options/timeouts.js'
import { tlsOptions } from './options/tls.js'

/** Everything that `gw-gateway serve` takes. Durations resolve to milliseconds, sizes to bytes. */
export const gatewayOptions = defineOptions({
  ...listenOptions,
  ...filesOptions,
  ...accessOptions,
  ...hooksOptions,
  ...routingOptions,
  ...timeoutsOptions,
  ...limitsOptions,
  ...sessionsOptions,
  ...guardOptions,
  ...tlsOptions,
  ...logOptions,
  ...telemetryOptions,
})

/** How every command reads the gateway's options: from where, and whom it trusts. */
export const gatewaySources = { configFile: 'gateway.yaml', trusted: true } as const

export type GatewaySpecs = typeof gatewayOptions.specs
export type GatewayOptions = ValuesOf<GatewaySpecs>
export type LoadedGateway = Loaded<GatewaySpecs>
