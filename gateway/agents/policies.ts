/**
 * How one of several usable instances is chosen: one function each, one table. A policy gets either the whole
 * short list of usable instances or, with more than `SHORT` candidates, a random sample of them.
 */

import { assertNever } from '../../shared/errors.js'
import type { PolicyName } from '../../shared/policies.js'
import { fnv1a, type Instance } from './instance.js'

/** Up to this many candidates are looked at one by one. */
export const SHORT = 64
/** Of more, this many are drawn at most. Best of 32 is within a hair of best of all (Mitzenmacher: two are nearly enough). */
export const SAMPLE = 32

/**
 * Whether the policy would choose no better from a larger sample than from this, which is not empty. Each instance that
 * is drawn from thousands costs half a microsecond: none of it is in any cache.
 */
export function suffices(policy: PolicyName, sample: readonly Instance[]): boolean {
  switch (policy) {
    case 'random':
      return true
    case 'lowest-latency':
      return sample.length === 2
    case 'least-inflight':
      // None has less, and the first idle one that is drawn is any of them.
      return sample.at(-1)!.inflight === 0 || sample.length === SAMPLE
    case 'first':
    case 'round-robin':
    case 'weighted':
    case 'sticky':
      return sample.length === SAMPLE
    default:
      return assertNever(policy)
  }
}

export interface Choice {
  /** Usable instances, never empty; in order of connection where it is the whole list. */
  readonly from: readonly Instance[]
  /** It is a random sample of them, in which one may stand twice. */
  readonly sampled: boolean
  /** What `sticky` sticks by. */
  readonly stickyKey: string
  /** The turn of `round-robin` and `weighted`, kept per selector. */
  readonly rotation: Rotation
  /** Uniform in [0, 1). */
  random(): number
  /** Milliseconds, monotonic. */
  readonly now: number
}

/** Whose turn it is, for one selector. */
export interface Rotation {
  turn: number
  /** Smooth weighted round robin: what each has been owed (nginx). */
  readonly owed: WeakMap<Instance, number>
  /** Weight of a sample, on average; 0 before the first. */
  sampleWeight: number
}

type Policy = (choice: Choice) => Instance

export const POLICIES = {
  first: ({ from }) => from[0]!,

  'round-robin': ({ from, rotation }) => from[rotation.turn++ % from.length]!,

  random: ({ from, random }) => pick(from, random),

  weighted: ({ from, sampled, rotation, random }) => {
    const { owed } = rotation
    let total = 0
    let best: Instance | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const instance of from) {
      if (instance.weight === 0) continue
      const due = (owed.get(instance) ?? 0) + instance.weight
      owed.set(instance, due)
      total += instance.weight
      if (due > most) {
        most = due
        best = instance
      }
    }
    // Nobody has a share: then all have the same.
    if (best === undefined) return pick(from, random)
    owed.set(best, most - (sampled ? meanWeight(rotation, total) : total))
    return best
  },

  'least-inflight': ({ from, random }) => {
    let best = from[0]!
    let ties = 1
    for (let i = 1; i < from.length; i++) {
      const instance = from[i]!
      if (instance.inflight > best.inflight) continue
      if (instance.inflight < best.inflight) {
        best = instance
        ties = 1
      } else if (random() * ++ties < 1) best = instance
    }
    return best
  },

  'lowest-latency': ({ from, random, now }) => {
    if (from.length === 1) return from[0]!
    const first = Math.floor(random() * from.length)
    const second = (first + 1 + Math.floor(random() * (from.length - 1))) % from.length
    const a = from[first]!
    const b = from[second]!
    return a.cost(now) <= b.cost(now) ? a : b
  },

  sticky: ({ from, stickyKey }) => {
    const key = fnv1a(stickyKey)
    let best = from[0]!
    let highest = -1
    for (const instance of from) {
      const score = mix(key, instance.seed)
      if (score > highest) {
        highest = score
        best = instance
      }
    }
    return best
  },
} as const satisfies Record<PolicyName, Policy>

export const isPolicy = (name: string): name is PolicyName => Object.hasOwn(POLICIES, name)

const pick = (from: readonly Instance[], random: () => number): Instance =>
  from[Math.floor(random() * from.length)]!

/**
 * What a turn costs in a sample. Not the weight of this very sample: it is above the average where a heavy instance
 * is in it, so that heavy ones would pay more for their turns.
 */
function meanWeight(rotation: Rotation, total: number): number {
  const mean = rotation.sampleWeight || total
  rotation.sampleWeight = mean + (total - mean) / 16
  return mean
}

/** Finaliser of MurmurHash3 over both: every bit of either moves every bit of the score. */
function mix(key: number, seed: number): number {
  let hash = key ^ Math.imul(seed, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
