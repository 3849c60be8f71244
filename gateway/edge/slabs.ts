/**
 * Memory for upload bodies on their way to a link, used again and again. Fresh buffers at 300 MB/s are garbage
 * that V8 does not see: 64 MiB of it piles up between two collections.
 */
import { MAX_DATA } from '../../shared/limits.js'

/** One frame's worth, so that a full slab is sent as one. */
const SLAB = MAX_DATA

/** Free slabs that are kept: 16 MiB. */
const KEPT = 256

const free: ArrayBuffer[] = []

/** Copies of `chunk` in pieces of a slab at most. Each goes back with `giveSlab` once nobody looks at it any more. */
export function* slabsOf(chunk: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < chunk.length; at += SLAB) {
    const piece = chunk.subarray(at, at + SLAB)
    const slab = new Uint8Array(free.pop() ?? new ArrayBuffer(SLAB), 0, piece.length)
    slab.set(piece)
    yield slab
  }
}

/** Takes back the memory that a slab, or the last part of one, lies in. Anything else is let go. */
export function giveSlab({ buffer }: Uint8Array): void {
  if (buffer.byteLength === SLAB && free.length < KEPT) free.push(buffer as ArrayBuffer)
}
