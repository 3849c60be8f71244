/**
 * An event stream that comes back by itself. A browser's own EventSource gives up for good on an answer that is no
 * stream (502 of a proxy while the gateway restarts), so this one is made anew, after 0.5 s to 10 s, spread. It rests
 * while nobody looks: a browser has six connections to a host for all of its tabs, and a stream takes one.
 */

const FIRST_WAIT = 500
const LONGEST_WAIT = 10_000

/**
 * `url()` and `events`: name → what takes its data. `onOpen`, and `onLost(wait)` with the milliseconds until the next
 * attempt.
 * @returns {{close(): void, retry(): void}} `retry`: now instead of after the wait.
 */
export function openFeed(url, events, { onOpen = () => {}, onLost = () => {} } = {}) {
  let source
  let timer
  let attempt = 0

  const rest = () => {
    clearTimeout(timer)
    source?.close()
  }
  const connect = () => {
    rest()
    source = new EventSource(url())
    source.onopen = () => {
      attempt = 0
      onOpen()
    }
    source.onerror = lost
    for (const [name, take] of Object.entries(events))
      source.addEventListener(name, ({ data }) => data !== undefined && take(JSON.parse(data)))
  }
  const lost = ({ data }) => {
    // An event of the stream may also be called error.
    if (data !== undefined) return
    source.close()
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt++)
    const wait = Math.round(most * (0.7 + Math.random() * 0.3))
    timer = setTimeout(connect, wait)
    onLost(wait)
  }
  const look = () => (document.visibilityState === 'hidden' ? rest() : connect())

  document.addEventListener('visibilitychange', look)
  look()
  return {
    close() {
      document.removeEventListener('visibilitychange', look)
      rest()
    },
    retry: connect,
  }
}
