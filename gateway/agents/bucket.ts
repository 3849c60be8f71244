/**
 * A set of instances that can be walked in the order they connected, and sampled at random, both without
 * copying: a pick among 15,000 must not scan them all (measured: 260 µs against under 1).
 */
import type { Instance } from './instance.js'

export class Bucket {
  /** Insertion order is order of connection. */
  readonly #ordered = new Map<Instance, number>()
  readonly #list: Instance[] = []

  get size(): number {
    return this.#list.length
  }

  add(instance: Instance): void {
    if (this.#ordered.has(instance)) return
    this.#ordered.set(instance, this.#list.length)
    this.#list.push(instance)
  }

  delete(instance: Instance): void {
    const at = this.#ordered.get(instance)
    if (at === undefined) return
    this.#ordered.delete(instance)
    const last = this.#list.pop()!
    if (last === instance) return
    this.#list[at] = last
    this.#ordered.set(last, at)
  }

  /** In no particular order, dense from 0 to `size` - 1. */
  at(index: number): Instance {
    return this.#list[index]!
  }

  /** In order of connection. */
  [Symbol.iterator](): IterableIterator<Instance> {
    return this.#ordered.keys()
  }
}
