/** A little above what callers are promised (`--max-head`), so that the answer to a little too much is the gateway's. */
const ROOM = 4 * 1024

/** Bytes of `--max-head` where an engine is not told. */
const USUAL = 16 * 1024

/** Bytes of a request's head, request line included, that an engine takes; past it the engine says 431 itself. */
export const engineHead = (maxHead: number = USUAL): number => maxHead + ROOM
