import { get, type IncomingMessage } from 'node:http'
import type { Reading } from './figure.js'
import type { Work } from './scenario.js'
import type { Trial } from './trial.js'

const MIB = 1024 * 1024
const LIMIT_MS = 60_000

/** The pace of one download once its first third is through, in which windows have grown. */
export async function measureDistance(
  { subject }: Trial,
  { path, bytes }: Extract<Work, { kind: 'distance' }>,
): Promise<Reading[]> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(
      `http://${subject.host}${subject.base}${path}`,
      { agent: false, signal: AbortSignal.timeout(LIMIT_MS) },
      resolve,
    ).on('error', reject)
  })
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`)
  let came = 0
  let since: { readonly ms: number; readonly came: number } | undefined
  for await (const piece of response as AsyncIterable<Buffer>) {
    came += piece.length
    if (!since && came >= bytes / 3) since = { ms: performance.now(), came }
  }
  if (came !== bytes || !since) throw new Error(`${came} of ${bytes} bytes came`)
  const seconds = (performance.now() - since.ms) / 1000
  return [{ name: 'rate', unit: 'MiB/s', value: (came - since.came) / MIB / seconds }]
}
