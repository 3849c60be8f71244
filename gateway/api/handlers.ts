/** Every row of the table with its handler. */
import type { DevicesApi } from '../access/devices-api.js'
import type { SessionApi } from '../access/session-api.js'
import type { Automation } from '../automation/automation.js'
import type { InspectApi } from '../inspect/inspect-api.js'
import type { SessionHandlers } from '../sessions/session-room.js'
import type { TelemetryApi } from '../telemetry/telemetry-api.js'
import type { ApiHandlers } from './api.js'
import type { HealthApi } from './health-api.js'
import type { LinksApi } from './links-api.js'
import type { ApiHandler } from './request.js'

export interface Rooms {
  links: LinksApi
  health: HealthApi
  automation: Automation
  inspect: InspectApi
  devices: DevicesApi
  session: SessionApi
  sessions: SessionHandlers
  dashboard: ApiHandler
  openapi: ApiHandler
  telemetry: TelemetryApi
}

export function apiHandlers(rooms: Rooms): ApiHandlers {
  const { links, health, automation, inspect, devices, session, sessions, dashboard, openapi, telemetry } =
    rooms
  return {
    root: health.root,
    health: health.health,
    healthz: health.healthz,
    readyz: health.readyz,
    openapi,
    dashboard,
    dashboardFile: dashboard,
    signedIn: session.show,
    signIn: session.signIn,
    signOut: session.signOut,
    connections: links.connections,
    disconnect: links.disconnect,
    status: telemetry.status,
    metrics: telemetry.metrics,
    exchanges: inspect.list,
    exchange: inspect.show,
    exchangeCurl: inspect.curl,
    replay: inspect.replay,
    ...automation.handlers,
    pair: devices.pair,
    claimDevice: devices.claim,
    approveDevice: devices.approve,
    rejectDevice: devices.reject,
    devices: devices.list,
    removeDevice: devices.remove,
    rotateDevice: devices.rotate,
    ...sessions,
  }
}
