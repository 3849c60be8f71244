/**
 * Text for a frame's message: one byte a character, no control characters, well within what a message may hold
 * (512 characters are at most 1024 bytes).
 */
export function plainText(text: string): string {
  return text.slice(0, 512).replace(/[^\x20-\x7e\xa0-\xff]/g, '?')
}

/** An error of several attempts (both families of localhost) has no message of its own. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(describeError))].join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.message || error.name
}
