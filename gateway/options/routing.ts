import { specs } from '../../shared/option-spec.js'
import { choice } from '../../shared/option-types.js'

/** How an agent is chosen. */
export const routingOptions = specs({
  policy: {
    type: choice('first', 'round-robin', 'random', 'weighted', 'least-inflight', 'lowest-latency', 'sticky'),
    default: 'least-inflight',
    live: true,
    group: 'routing',
    help: 'which of several matching agents is chosen where the caller names no policy',
  },
})
