/** The state of the fleet in a sentence, and how worried to be: quiet | watch | trouble | unknown. */
import { count, millis, plural, rate } from './format.js'
import { lastMinute } from './vitals.js'

/** Of all requests of the last minute; of fewer than ten a minute one failure says little. */
const WATCH_SHARE = 0.01
const TROUBLE_SHARE = 0.05
const FEW = 10 / 60
/** The gateway itself says that it is not ready past this. */
const SLOW_LOOP = 200

export function health(links, vitals) {
  if (vitals.kind !== 'known')
    return { level: 'unknown', title: 'Listening', sentence: 'The first figures are on their way.' }
  const { status } = vitals
  const { requests, errors, p95 } = lastMinute(vitals)
  const share = requests === 0 ? 0 : errors / requests
  const failing = errors === 0 ? '' : ` ${percent(share)} failed in the last minute.`
  const sentence = `${serving(links)}, ${pace(requests, p95)}.${failing}`
  const lag = status.loop_lag_ms ?? 0

  if (status.status === 'draining')
    return told('watch', 'Shutting down', `The gateway finishes what is in flight. ${sentence}`)
  if (links.length === 0)
    return told(
      errors > 0 ? 'trouble' : 'watch',
      'No agent is connected',
      `Requests find nobody to answer them.${failing}`,
    )
  if (share >= TROUBLE_SHARE && requests >= FEW) return told('trouble', 'Requests are failing', sentence)
  if (lag > SLOW_LOOP)
    return told('watch', 'The gateway is slow', `Its event loop lags ${millis(lag)}. ${sentence}`)
  if (share >= WATCH_SHARE && requests >= FEW) return told('watch', 'Some requests fail', sentence)
  return told('quiet', requests === 0 ? 'Ready' : 'All is well', sentence)
}

const told = (level, title, sentence) => ({ level, title, sentence })

function serving(links) {
  const tunnels = new Set(links.map(({ tunnel_id }) => tunnel_id)).size
  const draining = links.filter(({ state }) => state === 'draining').length
  const leaving = draining === 0 ? '' : ` (${count(draining)} draining)`
  return `${plural(tunnels, 'tunnel')} on ${plural(links.length, 'link')}${leaving}`
}

function pace(requests, p95) {
  if (requests === 0) return 'no requests in the last minute'
  const within = p95 === null ? '' : `, 95 % within ${millis(p95)}`
  return `${rate(requests)} requests a second${within}`
}

const percent = (share) => `${count(Math.max(0.1, share * 100))} %`
