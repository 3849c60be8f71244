import { defineOptions, type Loaded, type ValuesOf } from '../shared/options.js'
import { filesOptions } from './options/files.js'
import { limitsOptions } from './options/limits.js'
import { listenOptions } from './options/listen.js'
import { logOptions } from './options/log.js'
import { routingOptions } from './options/routing.js'
import { timeoutsOptions } from './options/timeouts.js'

/** Everything that `gw-gateway serve` takes. Durations resolve to milliseconds, sizes to bytes. */
export const gatewayOptions = defineOptions({
  ...listenOptions,
  ...filesOptions,
  ...routingOptions,
  ...timeoutsOptions,
  ...limitsOptions,
  ...logOptions,
})

export type GatewaySpecs = typeof gatewayOptions.specs
export type GatewayOptions = ValuesOf<GatewaySpecs>
export type LoadedGateway = Loaded<GatewaySpecs>
