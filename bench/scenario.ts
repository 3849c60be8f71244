import type { Ratio } from './figure.js'
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
  | { readonly kind: 'streams'; readonly streams: number; readonly intervalMs: number }
  | { readonly kind: 'bulk'; readonly bytes: number }
  | { readonly kind: 'idle'; readonly links: number }

/** What the project has promised of a figure's median. */
export type Goal =
  | { readonly figure: string; readonly kind: 'at-most'; readonly limit: number }
  | { readonly figure: string; readonly kind: 'at-least'; readonly limit: number }

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly origin: OriginKind
  readonly subjects: readonly SubjectName[]
  readonly work: Work
  readonly rounds: number
  readonly ratios: readonly Ratio[]
  readonly goals: readonly Goal[]
  /** How the quick run does it; scenarios without this are not part of it. */
  readonly quick?: { readonly subjects: readonly SubjectName[]; readonly rounds: number }
}

export const quickly = (scenario: Scenario): Scenario => ({ ...scenario, ...scenario.quick })
