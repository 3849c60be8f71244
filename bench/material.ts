import { createHash, randomFillSync } from 'node:crypto'

/**
 * Bytes for transfers whose every piece differs, so that a piece that is lost, doubled or moved changes the
 * hash: one random block, stamped with the piece's number.
 */
const PIECE = 64 * 1024

export class Material {
  readonly #seed: Buffer

  constructor(seed: string) {
    this.#seed = Buffer.alloc(PIECE)
    // Both ends make the same bytes from the same word.
    const word = createHash('sha256').update(seed).digest()
    for (let at = 0; at < PIECE; at += word.length) word.copy(this.#seed, at)
  }

  *pieces(bytes: number): Generator<Buffer> {
    for (let at = 0; at < bytes; at += PIECE) {
      const piece = Buffer.from(this.#seed.subarray(0, Math.min(PIECE, bytes - at)))
      if (piece.length >= 8) piece.writeBigUInt64BE(BigInt(at), 0)
      yield piece
    }
  }

  hash(bytes: number): string {
    const hash = createHash('sha256')
    for (const piece of this.pieces(bytes)) hash.update(piece)
    return hash.digest('hex')
  }
}

export function randomSeed(): string {
  return randomFillSync(Buffer.alloc(8)).toString('hex')
}
