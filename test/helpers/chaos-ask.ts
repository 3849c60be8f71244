/** What a caller asks of the origin: all of it stands in the path, so that the origin needs no other word. */
import { Pattern } from './chaos-pattern.js'

export interface Ask {
  /** Unique in a run. */
  readonly key: string
  readonly method: 'GET' | 'POST'
  /** Bytes of the request's body. */
  readonly up: number
  /** Bytes of the answer's, or how many events. */
  readonly down: number
  readonly type: 'bytes' | 'events'
  /** The answer's length is not told. */
  readonly chunked: boolean
  /** Milliseconds before the answer. */
  readonly delay: number
  /** The answer comes in so many pieces, `every` milliseconds apart. */
  readonly pieces: number
  readonly every: number
}

export const GET_SMALL = {
  method: 'GET',
  up: 0,
  down: 200,
  type: 'bytes',
  chunked: false,
  delay: 0,
  pieces: 1,
  every: 0,
} as const satisfies Omit<Ask, 'key'>

export const POST_SMALL = { ...GET_SMALL, method: 'POST', up: 100 } as const satisfies Omit<Ask, 'key'>

export function askPath({ key, up, down, type, chunked, delay, pieces, every }: Ask): string {
  return `/${key}?up=${up}&down=${down}&type=${type}&chunked=${Number(chunked)}&delay=${delay}&pieces=${pieces}&every=${every}`
}

export function parseAsk(method: string, path: string): Ask {
  const [key = '', query = ''] = path.slice(1).split('?')
  const fields = new URLSearchParams(query)
  const whole = (name: string): number => Number(fields.get(name) ?? 0)
  return {
    key,
    method: method === 'POST' ? 'POST' : 'GET',
    up: whole('up'),
    down: whole('down'),
    type: fields.get('type') === 'events' ? 'events' : 'bytes',
    chunked: fields.get('chunked') === '1',
    delay: whole('delay'),
    pieces: whole('pieces'),
    every: whole('every'),
  }
}

/** The two bodies of one exchange differ, so that an echo is not taken for an answer. */
export const bodyOf = (ask: Ask): Pattern => Pattern.bytes(`${ask.key}-up`, ask.up)

export const answerOf = (ask: Ask): Pattern =>
  ask.type === 'events' ? Pattern.events(ask.key, ask.down) : Pattern.bytes(ask.key, ask.down)
