/** The gateway's own suites once more, over the other engine. */
process.env.GW_TEST_ENGINE = 'node'

await import('./gateway.test.js')
await import('./gateway-connections.test.js')
await import('./gateway-flow.test.js')
await import('./gateway-http.test.js')
await import('./gateway-life.test.js')
await import('./gateway-links.test.js')
await import('./gateway-moves.test.js')
await import('./gateway-waits.test.js')

export {}
