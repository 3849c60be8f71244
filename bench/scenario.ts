import type { Comparison } from './figure.js'
import type { OriginKind } from './origin.js'
import type { SubjectName } from './subject.js'

/** What is done to each subject in a round; one module measures each kind. */
export type Work =
  | {
      readonly kind: 'requests'
      readonly path: string
      readonly connections: number
      readonly reuse: boolean
      readonly upload: number
      /** What the CPU is divided by. */
      readonly per: 'request' | 'MiB'
      /** Bytes of one body, either way. */
      readonly body: number
    }
  /** Many paced streams at once; with `lifeMs` each ends after that, and another one begins. */
  | {
      readonly kind: 'streams'
      readonly streams: number
      readonly intervalMs: number
      readonly lifeMs: number | undefined
    }
  /** Messages of so many bytes there and back, one at a time on each connection. */
  | { readonly kind: 'echo'; readonly connections: number; readonly bytes: number }
  | { readonly kind: 'bulk'; readonly bytes: number }
  /** Small requests, alone and then beside one endless download. */
  | { readonly kind: 'beside'; readonly connections: number; readonly path: string }
  /** One download, as fast as it gets. */
  | { readonly kind: 'distance'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'idle'; readonly links: number }
  /** Requests to a gateway with so many links as the subject says, by tunnel id and to any. */
  | { readonly kind: 'crowd'; readonly connections: number }
  /** A gateway with so many links is stopped and started anew. */
  | { readonly kind: 'restart'; readonly links: number }
  /** The protocol's code by itself, in a process of its own. */
  | { readonly kind: 'core' }

/** What the project has promised of a figure's median, and where that has a number, under which. */
export interface Goal {
  readonly id?: string
  readonly figure: string
  readonly kind: 'at-most' | 'at-least'
  readonly limit: number
}

export const atMost = (figure: string, limit: number, id?: string): Goal => ({
  ...(id !== undefined && { id }),
  figure,
  kind: 'at-most',
  limit,
})

export const atLeast = (figure: string, limit: number, id?: string): Goal => ({
  ...atMost(figure, limit, id),
  kind: 'at-least',
})

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly origin: OriginKind
  readonly subjects: readonly SubjectName[]
  readonly work: Work
  readonly rounds: number
  /** A round is at least this long: its units are large ones. */
  readonly leastSeconds?: number
  readonly comparisons: readonly Comparison[]
  readonly goals: readonly Goal[]
  /** Figures to draw, subject by subject; `CPU` is that of all processes in between. */
  readonly plots: readonly string[]
  /** How the quick run does it; scenarios without this are not part of it. */
  readonly quick?: { readonly subjects: readonly SubjectName[]; readonly rounds: number }
}

export const quickly = (scenario: Scenario): Scenario => ({ ...scenario, ...scenario.quick })
