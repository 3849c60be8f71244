/** `engine-slow.ts` on one engine: both in one process would wait for each other, a minute and more. */
import t from 'tap'

const asked = process.env.GW_TEST_ENGINES
if (asked === undefined || asked.split(',').includes('uws')) {
  process.env.GW_TEST_ENGINES = 'uws'
  await import('./engine-slow.js')
} else t.pass('another engine was asked for')
