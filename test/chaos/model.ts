/** What callers do: a mix of everything, drawn anew for each request. */
import { type Ask, GET_SMALL, POST_SMALL } from '../helpers/chaos-ask.js'
import type { CallOptions } from '../helpers/chaos-caller.js'
import type { Chance } from '../helpers/chaos-chance.js'

const MIB = 1024 * 1024

type Kind = 'get' | 'post' | 'upload' | 'download' | 'slow' | 'events'
/** The more often a kind stands here, the more of it there is. */
const MIX: readonly [Kind, ...Kind[]] = [
  ...(['get', 'get', 'get', 'get', 'post', 'post', 'post', 'post'] as const),
  ...(['upload', 'upload', 'download', 'download', 'slow', 'events'] as const),
]
/** One in so many leaves midway. */
const LEAVES = 12

export function callerOf(chance: Chance): () => [Omit<Ask, 'key'>, Partial<CallOptions>] {
  return () => {
    const shape = shapeOf(chance.pick(MIX), chance)
    const options: Partial<CallOptions> = {
      chunkedUpload: chance.oneIn(2),
      leaveAfter: chance.oneIn(LEAVES) ? chance.whole(0, 300) : undefined,
    }
    return shape.slow ? [shape.ask, { ...options, slowness: chance.whole(1, 20) }] : [shape.ask, options]
  }
}

function shapeOf(kind: Kind, chance: Chance): { ask: Omit<Ask, 'key'>; slow?: boolean } {
  const chunked = chance.oneIn(2)
  const delay = chance.oneIn(4) ? chance.whole(1, 200) : 0
  switch (kind) {
    case 'get':
      return { ask: { ...GET_SMALL, chunked, delay, down: chance.whole(40, 4000) } }
    case 'post':
      return { ask: { ...POST_SMALL, chunked, delay, up: chance.whole(1, 4000) } }
    case 'upload':
      return { ask: { ...POST_SMALL, chunked, delay, up: size(chance) } }
    case 'download':
      return { ask: { ...GET_SMALL, chunked, delay, down: size(chance) } }
    case 'slow':
      return { ask: { ...GET_SMALL, chunked, delay, down: size(chance) }, slow: true }
    case 'events': {
      const down = chance.whole(3, 40)
      return {
        ask: { ...GET_SMALL, chunked: true, type: 'events', down, pieces: down, every: chance.whole(1, 50) },
      }
    }
  }
}

/** From 64 bytes to 4 MiB, every order of magnitude as often as another. */
const size = (chance: Chance): number => Math.floor(64 * ((4 * MIB) / 64) ** chance.next())
