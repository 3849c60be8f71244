import type { Writable } from 'node:stream'

/** Writes `bytes` and waits for room. @returns false where the stream is no more. */
export function write(stream: Writable, bytes: Uint8Array): Promise<boolean> {
  if (stream.destroyed) return Promise.resolve(false)
  if (stream.write(bytes)) return Promise.resolve(true)
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle)
      resolve(!stream.destroyed)
    }
    stream.once('drain', settle).once('close', settle)
  })
}
