import type { Child } from '../helpers/chaos-child.js'

/** What a process holds of the system. */
export interface Footprint {
  readonly name: string
  readonly descriptors: number
  readonly rss: number
}

export const footprint = (children: readonly Child[]): readonly Footprint[] =>
  children.map(({ name, descriptors, rss }) => ({ name, descriptors, rss }))

/** Connections that an agent keeps to its upstream, or one that is just ending. */
const SPARE_DESCRIPTORS = 8
/** A heap that has grown is not given back at once. */
const SPARE_BYTES = 96 * 2 ** 20

export const isBack = (base: readonly Footprint[], now: readonly Footprint[]): boolean =>
  now.every(
    ({ descriptors, rss }, n) =>
      descriptors <= base[n]!.descriptors + SPARE_DESCRIPTORS && rss <= base[n]!.rss + SPARE_BYTES,
  )
