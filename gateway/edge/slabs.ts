/**
 * Memory for upload bodies that wait, used again and again. Fresh buffers at 300 MB/s are garbage that V8 does not
 * see: 64 MiB of it piles up between two collections. And copying into memory that was touched before is fast enough
 * to outrun a caller on the same machine; the engine reads on, past any pause, while its buffer comes back full.
 */
import { MAX_DATA } from '../../shared/limits.js'

/** One frame's worth, so that a full slab is sent as one. */
const SLAB = MAX_DATA
/** Slabs are cut from blocks of so many: 4 MiB. */
const PER_BLOCK = 64

const free: Buffer[] = []
const blocks = new Set<ArrayBufferLike>()

/** Copies of `chunk` in pieces of a slab at most. Each goes back with `giveSlab` once nobody looks at it any more. */
export function slabsOf(chunk: Uint8Array): Buffer[] {
  const slabs: Buffer[] = []
  for (let at = 0; at < chunk.length; at += SLAB) {
    const piece = chunk.subarray(at, at + SLAB)
    const slab = free.pop() ?? newSlab()
    slab.set(piece)
    slabs.push(piece.length === SLAB ? slab : slab.subarray(0, piece.length))
  }
  return slabs
}

/** Takes back the memory that a slab, or the last part of one, lies in. Anything else is let go. */
export function giveSlab({ buffer, byteOffset }: Uint8Array): void {
  if (blocks.has(buffer)) free.push(Buffer.from(buffer, byteOffset - (byteOffset % SLAB), SLAB))
}

function newSlab(): Buffer {
  const block = Buffer.allocUnsafeSlow(PER_BLOCK * SLAB)
  blocks.add(block.buffer)
  for (let i = 1; i < PER_BLOCK; i++) free.push(block.subarray(i * SLAB, (i + 1) * SLAB))
  return block.subarray(0, SLAB)
}
