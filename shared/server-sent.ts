/** Server-sent events as they are written (WHATWG HTML §9.2). */

export const SERVER_SENT = 'text/event-stream'

/** A proxy on the way may drop a connection that says nothing: `COMMENT` goes out as often, in milliseconds. */
export const COMMENT_EVERY = 15_000
export const COMMENT = ': still here\n\n'

/** Whether `Accept` names them. */
export const takesServerSent = (accept: string | undefined): boolean =>
  accept !== undefined && /text\/event-stream/i.test(accept)

/** One event; `data` is text without line ends, such as JSON. */
export function serverSent(data: string, event?: string, id?: number): string {
  return `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
}
