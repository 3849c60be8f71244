/**
 * The names of the cookie that stands for who signed in to the dashboard, and what keeps it between the browser and the
 * gateway: no agent reads it, none sets it.
 */

export const SECURE_COOKIE = '__Host-gw'
/** On plain loopback. */
export const LOOPBACK_COOKIE = 'gw_session'

const NAME = `^\\s*(?:${SECURE_COOKIE}|${LOOPBACK_COOKIE})\\s*`
const PAIR = new RegExp(`${NAME}(?:=|$)`)
const SETTING = new RegExp(`${NAME}=`)

/** A `cookie` field as it is sent on to an agent: without the dashboard's; undefined where nothing is left. */
export function withoutSession(cookie: string): string | undefined {
  if (!cookie.includes(LOOPBACK_COOKIE) && !cookie.includes(SECURE_COOKIE)) return cookie
  const kept = cookie.split(';').filter((pair) => !PAIR.test(pair))
  return kept.length === 0 ? undefined : kept.join(';').trim()
}

/** A `set-cookie` field that would put another sign-in in place of the dashboard's. */
export const setsSession = (value: string): boolean => SETTING.test(value)
