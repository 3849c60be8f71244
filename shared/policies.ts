/** The ways to choose one of several agents that match, by the names that options and selectors take. */
export const POLICY_NAMES = [
  'first',
  'round-robin',
  'random',
  'weighted',
  'least-inflight',
  'lowest-latency',
  'sticky',
] as const

export type PolicyName = (typeof POLICY_NAMES)[number]
