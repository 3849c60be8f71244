/** Which agents a run may go to, best first: the one that the session is kept by, then any that match. */

import type { PolicyName } from '../../shared/policies.js'
import { EXECUTE, RESUMABLE } from '../../shared/sessions/run-messages.js'
import type { RunRequest } from '../../shared/sessions/runner.js'
import type { AgentSelector } from '../../shared/sessions/session.js'
import type { Selector } from '../agents/selector.js'

export interface Search {
  readonly selector: Selector
  readonly policy: PolicyName
  /** Milliseconds to wait for such an agent. */
  readonly hold: number
}

/**
 * @param kept tunnel id of the agent that served the session last
 * @param resumed it left in the middle of this run
 * @param patience milliseconds for which it is waited for
 */
export function searches(
  { agent, tunnels }: RunRequest,
  kept: string | null,
  { resumed, patience, policy }: { resumed: boolean; patience: number; policy: PolicyName },
): Search[] {
  const capabilities = resumed ? [EXECUTE, RESUMABLE] : [EXECUTE]
  const within = tunnels === undefined ? {} : { within: tunnels }
  const any: Search = {
    selector: { ...selectorOf(agent), capabilities, ...within },
    policy: (agent?.policy as PolicyName | undefined) ?? policy,
    hold: 0,
  }
  if (kept === null) return [any]
  const same: Search = {
    selector: { tunnelId: kept, capabilities, ...within },
    policy: any.policy,
    hold: patience,
  }
  // There can be no other.
  return agent?.tunnel_id === kept ? [same] : [same, any]
}

function selectorOf(agent: AgentSelector | null): Selector {
  if (agent === null) return {}
  const { tunnel_id: tunnelId, purpose, name, labels } = agent
  return {
    ...(tunnelId !== undefined && { tunnelId }),
    ...(purpose !== undefined && { purpose }),
    ...(name !== undefined && { name }),
    ...(labels !== undefined && { labels }),
  }
}
