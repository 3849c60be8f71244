/** Every row of the table with its handler. */
import { type ApiHandlers, absent } from './api.js'
import type { HealthApi } from './health-api.js'
import type { LinksApi } from './links-api.js'

export interface Rooms {
  links: LinksApi
  health: HealthApi
}

export function apiHandlers({ links, health }: Rooms): ApiHandlers {
  const later = absent('not served yet')
  return {
    root: health.root,
    health: health.health,
    healthz: health.healthz,
    readyz: health.readyz,
    openapi: later,
    dashboard: later,
    dashboardFile: later,
    signedIn: later,
    signIn: later,
    signOut: later,
    connections: links.connections,
    disconnect: links.disconnect,
    status: later,
    metrics: later,
    exchanges: later,
    exchange: later,
    exchangeCurl: later,
    replay: later,
    hookRuns: later,
    tasks: later,
    taskRuns: later,
    runTask: later,
    pair: later,
    claimDevice: later,
    approveDevice: later,
    rejectDevice: later,
    devices: later,
    removeDevice: later,
    rotateDevice: later,
    createSession: later,
    sessions: later,
    session: later,
    changeSession: later,
    removeSession: later,
    sessionEvents: later,
    execute: later,
    sessionStream: later as never,
    executeStream: later as never,
  }
}
