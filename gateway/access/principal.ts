/** Who asks. Two kinds of right: to call what the gateway serves (an operator), and to open links (a node). */

export const SCOPES = [
  'operator.read',
  'operator.write',
  'operator.approvals',
  'operator.pairing',
  'operator.admin',
] as const

export type Scope = (typeof SCOPES)[number]

export interface Principal {
  /**
   * The same for the same holder, today and after a restart: `none` (no authentication), `admin` (the root secret and
   * the password), `token:ID`, `device:ID`, `jwt:ISS|SUB`. Sessions belong to it.
   */
  readonly id: string
  /** What it may call; undefined where it is no operator. */
  readonly scopes: ReadonlySet<Scope> | undefined
  /** Which links it may open; undefined where it is no node. */
  readonly node: NodeRights | undefined
  /** Which tunnels an operator sees and calls, as patterns; undefined: all. */
  readonly tunnels?: readonly string[] | undefined
  /** When it ends, in ms since the epoch; undefined: never by itself. */
  readonly expiresAt: number | undefined
}

export interface NodeRights {
  /** `agent_…` globs for tunnel ids, `name:GLOB` for names, `*` for both. */
  readonly patterns: readonly string[]
  /** Whether its tunnels may be opened to callers without a credential. */
  readonly public: boolean
}

/** `operator.admin` is everything, and who may write may read. */
export function holds(principal: Principal, scope: Scope): boolean {
  const { scopes } = principal
  if (scopes === undefined) return false
  return (
    scopes.has(scope) ||
    scopes.has('operator.admin') ||
    (scope === 'operator.read' && scopes.has('operator.write'))
  )
}

/** Who everybody is under `--auth none`. */
export const EVERYBODY: Principal = Object.freeze({
  id: 'none',
  scopes: new Set<Scope>(['operator.admin']),
  node: Object.freeze({ patterns: ['*'], public: true }),
  expiresAt: undefined,
})
