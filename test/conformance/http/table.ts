import type { HttpCase } from './case.js'
import { CHUNKS } from './chunks.js'
import { CODINGS } from './coding.js'
import { FIELD_LINES } from './fields.js'
import { LENGTHS } from './length.js'
import { REQUEST_LINES } from './line.js'
import { SEQUENCES } from './sequence.js'

/** Every case, by the part of a request that it is about. */
export const TABLES: Readonly<Record<string, readonly HttpCase[]>> = {
  'transfer codings': CODINGS,
  lengths: LENGTHS,
  chunks: CHUNKS,
  'request lines': REQUEST_LINES,
  fields: FIELD_LINES,
  sequences: SEQUENCES,
}
