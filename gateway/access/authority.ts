/** What a principal may do with tunnels, and what one principal may grant to another. */
import { Problem } from '../../shared/errors.js'
import type { Selector } from '../agents/selector.js'
import { isWithin, matchesId, matchesName, matchesTunnel, mayMatch } from '../agents/tunnel-patterns.js'
import type { Grant } from './grant.js'
import { holds, type NodeRights, type Principal, type Scope } from './principal.js'

export interface NodeClaim {
  readonly tunnelId: string
  readonly name: string | null
  /** `--public`: callers without a credential are to be let in. */
  readonly public: boolean
}

/** Whether a link with this claim may open. @throws Problem `forbidden` naming what is not allowed. */
export function nodeMayClaim({ node }: Principal, claim: NodeClaim): void {
  const fault = claimFault(node, claim)
  if (fault !== undefined) throw new Problem('forbidden', fault)
}

function claimFault(
  node: NodeRights | undefined,
  { tunnelId, name, ...claim }: NodeClaim,
): string | undefined {
  if (node === undefined) return 'this credential is not a node: it may open no links'
  if (!matchesId(node.patterns, tunnelId)) return `this credential may not claim the tunnel id ${tunnelId}`
  if (name !== null && !matchesName(node.patterns, name))
    return `this credential may not claim the name ${name}`
  if (claim.public && !node.public)
    return 'this credential may not open a public tunnel; a token made with --public may'
  return undefined
}

/** Whether an operator sees and calls a tunnel. */
export function mayReach({ tunnels }: Principal, tunnelId: string, name: string | null): boolean {
  return tunnels === undefined || matchesTunnel(tunnels, tunnelId, name)
}

/**
 * Where a route names a tunnel that this operator cannot reach, whoever serves it; what only its agents can tell they
 * are asked (`Selector.within`). The same for tunnels that there are and for others.
 * @throws Problem `forbidden`.
 */
export function requireReach(
  { tunnels }: Principal,
  { tunnelId, name }: Pick<Selector, 'tunnelId' | 'name'>,
): void {
  if (tunnels === undefined || mayMatch(tunnels, tunnelId, name)) return
  throw new Problem('forbidden', `this credential is not for the tunnel ${tunnelId ?? name}`)
}

/** @throws Problem `forbidden` naming the scope. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (!holds(principal, scope)) throw new Problem('forbidden', `this needs the scope ${scope}`)
}

/**
 * Whether `approver` may hand out `grant`: `operator.read`, or role `node` within its own patterns, and of the rest
 * only what it holds itself. @throws Problem `forbidden` naming what goes too far.
 */
export function mayGrant(approver: Principal, grant: Grant): void {
  const excess = excessOf(approver, grant)
  if (excess !== undefined) throw new Problem('forbidden', `this credential may not grant ${excess}`)
}

function excessOf(approver: Principal, { role, scopes, tunnels, ...grant }: Grant): string | undefined {
  const admin = holds(approver, 'operator.admin')
  if (admin && approver.tunnels === undefined) return undefined
  if (role === 'node') {
    if (grant.public && !admin) return 'public tunnels'
    return beyond(tunnels, [...(approver.tunnels ?? []), ...(approver.node?.patterns ?? [])])
  }
  const scope = scopes.find((one) => one !== 'operator.read' && !holds(approver, one))
  if (scope !== undefined) return `the scope ${scope}, which it does not hold`
  // An operator without patterns sees all tunnels: one with patterns may not make such.
  if (approver.tunnels === undefined) return undefined
  return tunnels.length === 0 ? 'all tunnels' : beyond(tunnels, approver.tunnels)
}

function beyond(patterns: readonly string[], own: readonly string[]): string | undefined {
  const pattern = patterns.find((one) => !isWithin([one], own))
  return pattern && `the tunnel pattern ${pattern}, which is not within its own`
}
