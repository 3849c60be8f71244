/**
 * Who is connected. A view over live links, with an index for each thing a selector may name; changes are told
 * to listeners, so that a queue, an event stream or, later, another node can follow.
 */

import { CloseCode } from '../../shared/close-codes.js'
import { Problem } from '../../shared/errors.js'
import type { Hello } from '../../shared/frames.js'
import { Bucket } from './bucket.js'
import type { LinkClaim } from './claim.js'
import { Instance } from './instance.js'
import type { Link } from './link.js'
import type { EndCause, LinkOwner } from './link-owner.js'

/** A name stays with its tunnel id for this long (ms) after its last instance left. */
const NAME_GRACE = 60_000

export type Change =
  | { kind: 'connected'; link: Link }
  | { kind: 'changed'; link: Link }
  | { kind: 'disconnected'; link: Link; cause: EndCause; reason: string }

interface NameHolder {
  tunnelId: string
  /** When it is free again; undefined while an instance lives. */
  freeAt: number | undefined
}

export class Registry implements LinkOwner {
  readonly all = new Bucket()
  readonly #links = new Map<string, Link>()
  readonly #instances = new Map<string, Instance>()
  readonly #byTunnel = new Map<string, Bucket>()
  readonly #byPurpose = new Map<string, Bucket>()
  readonly #byName = new Map<string, Bucket>()
  readonly #byLabel = new Map<string, Bucket>()
  readonly #names = new Map<string, NameHolder>()
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #now: () => number

  /** `now`: milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Links that are ready, unresponsive or draining, in order of connection. */
  get links(): IterableIterator<Link> {
    return this.#links.values()
  }

  get size(): number {
    return this.#links.size
  }

  link(id: string): Link | undefined {
    return this.#links.get(id)
  }

  /** Instances with that tunnel id, purpose, name or label (`key=value`); undefined where there is none. */
  tunnel(id: string): Bucket | undefined {
    return this.#byTunnel.get(id)
  }

  purpose(purpose: string): Bucket | undefined {
    return this.#byPurpose.get(purpose)
  }

  name(name: string): Bucket | undefined {
    return this.#byName.get(name)
  }

  label(label: string): Bucket | undefined {
    return this.#byLabel.get(label)
  }

  /** @returns a function that ends the listening. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws Problem `conflict` where another tunnel id holds the name. */
  claimName(claim: LinkClaim): void {
    if (claim.name === null) return
    const holder = this.#names.get(claim.name)
    if (holder !== undefined && holder.tunnelId !== claim.tunnel.id && this.#holds(holder)) {
      throw new Problem('conflict', `name ${JSON.stringify(claim.name)} is held by another tunnel id`)
    }
  }

  // From links.

  ready(link: Link, hello: Hello): void {
    const { claim } = link
    try {
      this.claimName(claim)
    } catch (error) {
      link.end(CloseCode.policy, error instanceof Error ? error.message : '')
      return
    }
    const key = instanceKey(claim)
    const known = this.#instances.get(key)
    const predecessor = known?.links.find((other) => other.claim.number === claim.number)
    // Where the predecessor is its only link the instance is made anew: the new hello may say other things of it.
    const goes = predecessor !== undefined && known?.links.length === 1
    const instance = known === undefined || goes ? this.#admit(key, claim, hello) : known
    // Not by a spread: that leaves room for 16 more.
    instance.links = instance.links.concat(link)
    link.instance = instance
    this.#links.set(link.id, link)
    // Only now: what the predecessor's streams do next finds the successor in its place.
    predecessor?.giveWay()
    this.#tell({ kind: 'connected', link })
  }

  changed(link: Link): void {
    if (this.#links.get(link.id) === link) this.#tell({ kind: 'changed', link })
  }

  /** Compare and delete: only the link that stands here leaves, never its successor. */
  closed(link: Link, cause: EndCause, reason: string): void {
    if (!this.#links.delete(link.id)) return
    const instance = link.instance!
    instance.links = instance.links.filter((other) => other !== link)
    if (instance.links.length === 0) this.#dismiss(instance)
    this.#tell({ kind: 'disconnected', link, cause, reason })
  }

  #admit(key: string, claim: LinkClaim, hello: Hello): Instance {
    const labels: Record<string, string> = hello.labels.length === 0 ? NO_LABELS : Object.create(null)
    for (let i = 0; i < hello.labels.length; i += 2) labels[hello.labels[i]!] = hello.labels[i + 1]!
    const { tunnel, instanceId, name } = claim
    const { weight, maxConcurrent, capabilities } = hello
    const instance = new Instance({ tunnel, instanceId, name, labels, weight, maxConcurrent, capabilities })
    this.#instances.set(key, instance)
    this.all.add(instance)
    for (const [index, value] of this.#places(instance)) bucketOf(index, value).add(instance)
    if (name !== null) this.#names.set(name, { tunnelId: tunnel.id, freeAt: undefined })
    return instance
  }

  #dismiss(instance: Instance): void {
    const key = instanceKey(instance)
    if (this.#instances.get(key) === instance) this.#instances.delete(key)
    this.all.delete(instance)
    for (const [index, value] of this.#places(instance)) {
      const bucket = index.get(value)
      bucket?.delete(instance)
      if (bucket?.size === 0) index.delete(value)
    }
    if (instance.name !== null && !this.#byName.has(instance.name)) this.#release(instance.name)
  }

  /** Names whose grace is over leave with the next that is released: the table stays as small as its use. */
  #release(name: string): void {
    for (const [other, holder] of this.#names) if (!this.#holds(holder)) this.#names.delete(other)
    const holder = this.#names.get(name)
    if (holder !== undefined) holder.freeAt = this.#now() + NAME_GRACE
  }

  #holds(holder: NameHolder): boolean {
    return holder.freeAt === undefined || this.#now() < holder.freeAt
  }

  *#places(instance: Instance): Iterable<readonly [Map<string, Bucket>, string]> {
    yield [this.#byTunnel, instance.tunnel.id]
    yield [this.#byPurpose, instance.tunnel.purpose]
    if (instance.name !== null) yield [this.#byName, instance.name]
    for (const key in instance.labels) yield [this.#byLabel, `${key}=${instance.labels[key]}`]
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}

const NO_LABELS: Record<string, string> = Object.freeze(Object.create(null))

const instanceKey = (of: { tunnel: { id: string }; instanceId: string }): string =>
  `${of.tunnel.id} ${of.instanceId}`

function bucketOf(index: Map<string, Bucket>, value: string): Bucket {
  let bucket = index.get(value)
  if (bucket === undefined) index.set(value, (bucket = new Bucket()))
  return bucket
}
