/** How often: so many within a time, `600/1m`. */
import { BadValue, type OptionType, one } from '../../shared/option-types.js'
import { formatDuration, LONGEST_TIMER_MS, parseDuration } from '../../shared/quantity.js'

export interface Rate {
  /** 0: no limit. */
  readonly count: number
  /** Milliseconds. */
  readonly per: number
}

const OFF: Rate = Object.freeze({ count: 0, per: 1000 })
const MOST = 1_000_000_000

export function rate(): OptionType<Rate> {
  return one('N/TIME', 'a count and a time such as 600/1m, or 0 for off', (value) => {
    if (value === '0') return OFF
    const [count = '', time, more] = value.split('/')
    if (time === undefined || more !== undefined) throw new BadValue('is not a count and a time')
    if (!/^\d{1,10}$/.test(count) || Number(count) < 1 || Number(count) > MOST) {
      throw new BadValue(`has a count other than 1 to ${MOST}`)
    }
    const per = parseDuration(time)
    if (per === undefined || /^\d+$/.test(time))
      throw new BadValue('has a time other than such as 10s, 1m or 1h')
    if (per < 1000) throw new BadValue('has a time of less than 1s')
    if (per > LONGEST_TIMER_MS)
      throw new BadValue(`has a time of more than ${formatDuration(LONGEST_TIMER_MS)}`)
    return Object.freeze({ count: Number(count), per })
  })
}
