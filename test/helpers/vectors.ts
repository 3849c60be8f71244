/** The vectors of `docs/protocol-vectors.json`, which implementations in other languages read too. */
import { readFileSync } from 'node:fs'
import { toArray } from '../../shared/frame-fields.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { SHAPES } from '../../shared/grammar.js'

export interface Vector {
  name: string
  hex: string
  expect: 'frame' | 'error'
  /** Kinds by name, fields by name, bodies in hex. */
  frames?: Record<string, unknown>[]
  /** Part of what the error says. */
  error?: string
  note?: string
}

/** The compiled tests stand in `build/`, the documents in the checkout that tests are run from. */
export const readDocument = (name: string): string => readFileSync(`docs/${name}`, 'utf8')

export const vectors: readonly Vector[] = JSON.parse(readDocument('protocol-vectors.json'))

const nameOf = (kind: Kind): string => {
  const [name] = Object.entries(Kind).find(([, number]) => number === kind)!
  return name
}

/** A frame as the vectors write it. */
export function describeFrame(frame: Frame): Record<string, unknown> {
  const described: Record<string, unknown> = { kind: nameOf(frame.kind) }
  const [, ...values] = toArray(frame)
  SHAPES[frame.kind]!.fields.forEach(({ name }, i) => {
    const value = values[i]
    described[name] = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  })
  return described
}
