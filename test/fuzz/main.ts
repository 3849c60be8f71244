/** `npm run test:fuzz -- --seconds N --seed S`; `--case N` plays one case again and shows it. */
import { parseArgs } from 'node:util'
import { show } from './judge.js'
import { inputOf } from './material.js'
import { fuzz, type Played } from './run.js'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, case: { type: 'string' } },
})
const number = (option: 'seconds' | 'seed' | 'case'): number | undefined => {
  const text = values[option]
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new Error(`--${option}: ${JSON.stringify(text)} is not a whole number`)
  return Number(text)
}
const seed = number('seed') ?? Math.floor(Math.random() * 2 ** 32)
const seconds = number('seconds') ?? 60
const one = number('case')

function display({ reading, pair, limit }: Played): void {
  console.log(`strictly: ${reading.requests.map(show).join('; ')}; ${reading.fault ?? 'no fault'}`)
  for (const [engine, { requests, answers, closed }] of Object.entries(pair)) {
    const told = answers.map(({ status, nth }) => `${status}${nth === undefined ? '' : ` to ${nth}`}`)
    console.log(
      `${engine}: ${requests.map(show).join('; ')}; ${told.join(', ')}; ${closed ? 'ended' : 'open'}`,
    )
  }
  console.log(`told apart by ${limit ?? 'nothing'}`)
}

console.log(`--seed ${seed} --seconds ${seconds}`)
if (one !== undefined)
  for (const piece of inputOf(seed, one).pieces)
    console.log(JSON.stringify(piece.toString('latin1').slice(0, 2000)))
const { cases, limits, findings } = await fuzz({
  seed,
  time: seconds * 1000,
  number: one,
  width: one === undefined ? 6 : 1,
  linger: true,
  shown: one === undefined ? undefined : display,
})
for (const { number: which, what } of findings)
  for (const sentence of what) console.log(`--seed ${seed} --case ${which}: ${sentence}`)
for (const [name, count] of [...limits].toSorted((a, b) => b[1] - a[1])) console.log(`${count} of ${name}`)
console.log(`${cases} cases, ${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)
