import { specs } from '../../shared/option-spec.js'
import { choice } from '../../shared/option-types.js'
import { POLICY_NAMES } from '../../shared/policies.js'

/** How an agent is chosen. */
export const routingOptions = specs({
  policy: {
    type: choice(...POLICY_NAMES),
    default: 'least-inflight',
    live: true,
    group: 'routing',
    common: true,
    help: 'which of several matching agents is chosen where the caller names no policy',
  },
})
