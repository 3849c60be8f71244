import type { Scenario } from './scenario.js'
import { LINKS } from './scenarios/links.js'
import { REQUESTS } from './scenarios/requests.js'
import { STREAMS } from './scenarios/streams.js'

/** All of them, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [...REQUESTS, ...STREAMS, ...LINKS]
