/** A Node of another version, from npm, in a directory of its own. */
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './steps.js'

export interface Runtime {
  /** As it says itself. */
  readonly version: string
  /** The environment in which `node` and `npm` are those of this version. */
  readonly env: NodeJS.ProcessEnv
}

/** @throws Error where npm has none for this machine. */
export async function runtime(major: string, root: string, log: string): Promise<Runtime> {
  const home = join(root, `node-${major}`)
  mkdirSync(home, { recursive: true })
  const bin = join(home, 'node_modules/node/bin')
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    // Whoever installs gw needs none.
    CC: '/bin/false',
    CXX: '/bin/false',
  }
  // What the npm that runs this command says of itself would be taken for that of the other one.
  for (const name of Object.keys(env)) if (/^npm_(?!config_)|^(?:INIT_CWD|NODE)$/.test(name)) delete env[name]
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', home, `node@${major}`], {
    cwd: home,
    env: process.env,
    log,
  })
  if (!existsSync(join(bin, 'node'))) throw new Error(`npm's node@${major} has no binary for this machine`)
  const version = (await run('node', ['--version'], { cwd: home, env, log })).trim()
  if (!version.startsWith(`v${major}.`)) throw new Error(`node@${major} calls itself ${version}`)
  return { version, env }
}
