/** Picks an instance for a selector: the usable ones first, penalised ones last, by the policy asked for. */

import type { PolicyName } from '../../shared/policies.js'
import type { Bucket } from './bucket.js'
import { fnv1a, type Instance } from './instance.js'
import { POLICIES, type Rotation, SAMPLE, SHORT, suffices } from './policies.js'
import type { Registry } from './registry.js'
import { candidates, matches, type Selector, selectorKey } from './selector.js'

/** Selectors whose turn is remembered; past it the oldest begins anew. */
const MAX_ROTATIONS = 1024

export interface Wanted {
  selector: Selector
  policy: PolicyName
  stickyKey: string
  /** Instances that have had their try. */
  tried: readonly Instance[]
}

export type Picked =
  | { kind: 'instance'; instance: Instance }
  /** Some match, but all are full, unresponsive or have had their try. */
  | { kind: 'busy' }
  | { kind: 'none' }

const BUSY: Picked = { kind: 'busy' }
/** Policies that take turns. */
const TURNS: ReadonlySet<PolicyName> = new Set(['round-robin', 'weighted'])
const NO_TURN: Rotation = { turn: 0, owed: new WeakMap(), sampleWeight: 0 }
const NONE: Picked = { kind: 'none' }

export class Picker {
  readonly #registry: Registry
  readonly #now: () => number
  readonly #random: () => number
  readonly #rotations = new Map<string, Rotation>()

  constructor(registry: Registry, now: () => number, random: () => number = Math.random) {
    this.#registry = registry
    this.#now = now
    this.#random = random
  }

  pick(wanted: Wanted): Picked {
    const bucket = candidates(wanted.selector, this.#registry)
    if (bucket === undefined || bucket.size === 0) return NONE
    if (bucket.size === 1) return only(bucket.at(0), wanted)
    const now = this.#now()
    if (wanted.policy === 'sticky') return this.#sticky(bucket, wanted, now)
    let found = this.#usable(bucket, wanted, (instance) => !instance.penalised(now))
    if (found.length === 0) found = this.#usable(bucket, wanted, () => true)
    if (found.length === 0) return this.#present(bucket, wanted) ? BUSY : NONE
    const { policy } = wanted
    const rotation = TURNS.has(policy) ? this.#rotation(wanted) : NO_TURN
    const sampled = bucket.size > SHORT
    const choice = { from: found, sampled, stickyKey: '', rotation, random: this.#random, now }
    return { kind: 'instance', instance: POLICIES[policy](choice) }
  }

  /** It moves only if its instance goes: one that is full or unresponsive for a while is waited for. */
  #sticky(bucket: Bucket, wanted: Wanted, now: number): Picked {
    const staying = filter(bucket, (instance) => mayServe(instance, wanted))
    if (staying.length === 0) return NONE
    const sound = staying.filter((instance) => !instance.penalised(now))
    const from = sound.length > 0 ? sound : staying
    const { stickyKey } = wanted
    const random = this.#random
    const instance = POLICIES.sticky({ from, sampled: false, stickyKey, rotation: NO_TURN, random, now })
    return instance.free ? { kind: 'instance', instance } : BUSY
  }

  /** What the policy is to choose from: all that can take an exchange, or enough of them. */
  #usable(bucket: Bucket, wanted: Wanted, extra: (instance: Instance) => boolean): readonly Instance[] {
    const usable = (instance: Instance): boolean =>
      instance.free &&
      matches(wanted.selector, instance) &&
      !wanted.tried.includes(instance) &&
      extra(instance)
    if (bucket.size <= SHORT) return filter(bucket, usable)
    switch (wanted.policy) {
      case 'first':
        return firstOf(bucket, usable)
      case 'round-robin':
        return nextOf(bucket, usable, this.#rotation(wanted))
      default: {
        const sample = this.#sample(bucket, usable, wanted.policy)
        return sample.length > 0 ? sample : filter(bucket, usable)
      }
    }
  }

  #sample(bucket: Bucket, usable: (instance: Instance) => boolean, policy: PolicyName): readonly Instance[] {
    const sample: Instance[] = []
    for (let i = 0; i < 2 * SAMPLE; i++) {
      const instance = bucket.at(Math.floor(this.#random() * bucket.size))
      if (!usable(instance)) continue
      sample.push(instance)
      if (suffices(policy, sample)) break
    }
    return sample
  }

  /** Whether a match is connected that may take the exchange later. */
  #present(bucket: Bucket, wanted: Wanted): boolean {
    for (const instance of bucket) if (mayServe(instance, wanted)) return true
    return false
  }

  #rotation(wanted: Wanted): Rotation {
    const key = `${wanted.policy} ${selectorKey(wanted.selector)}`
    let rotation = this.#rotations.get(key)
    if (rotation === undefined) {
      const [oldest] = this.#rotations.keys()
      if (this.#rotations.size >= MAX_ROTATIONS && oldest !== undefined) this.#rotations.delete(oldest)
      rotation = { turn: fnv1a(key) % 1024, owed: new WeakMap(), sampleWeight: 0 }
      this.#rotations.set(key, rotation)
    }
    return rotation
  }
}

/** It may take the exchange, if not now then later. */
const mayServe = (instance: Instance, { selector, tried }: Wanted): boolean =>
  instance.state !== 'draining' && matches(selector, instance) && !tried.includes(instance)

/** Nearly every pick: no policy has a choice. */
function only(instance: Instance, wanted: Wanted): Picked {
  if (!mayServe(instance, wanted)) return NONE
  return instance.free ? { kind: 'instance', instance } : BUSY
}

function filter(bucket: Bucket, usable: (instance: Instance) => boolean): readonly Instance[] {
  const found: Instance[] = []
  for (const instance of bucket) if (usable(instance)) found.push(instance)
  return found
}

function firstOf(bucket: Bucket, usable: (instance: Instance) => boolean): readonly Instance[] {
  for (const instance of bucket) if (usable(instance)) return [instance]
  return []
}

/** The next usable one from the turn on; its policy then takes the only one there is. */
function nextOf(
  bucket: Bucket,
  usable: (instance: Instance) => boolean,
  rotation: Rotation,
): readonly Instance[] {
  for (let i = 0; i < bucket.size; i++) {
    const at = (rotation.turn + i) % bucket.size
    if (usable(bucket.at(at))) {
      rotation.turn = at
      return [bucket.at(at)]
    }
  }
  return []
}
