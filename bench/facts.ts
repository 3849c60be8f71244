import { execFileSync } from 'node:child_process'
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { findProgram } from './ground.js'
import { generatorName } from './load.js'
import { PEER_NAMES, peerOf } from './peers/table.js'
import type { Build } from './tunnel.js'

/** What figures depend on besides the code. */
export interface Facts {
  readonly date: string
  readonly command: string
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly kernel: string
  readonly node: string
  readonly commit: string
  readonly engine: string
  readonly generator: 'wrk' | 'own'
  /** Versions of the programs that serve as references and peers, or `absent`. */
  readonly programs: Readonly<Record<string, string>>
  /** Average load of the last minute when the run began: the work of others. */
  readonly loadBefore: number
}

export function gatherFacts(build: Build, words: readonly string[]): Facts {
  return {
    date: new Date().toISOString(),
    command: ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    commit: commitOf(build.root),
    engine: build.engine ?? 'default',
    generator: generatorName(),
    programs: {
      nginx: version('nginx', ['-v'], /nginx\/(\S+)/),
      wrk: version('wrk', ['-v'], /^wrk (\S+)/),
      haproxy: version('haproxy', ['-v'], /version (\S+)/),
      ssh: version('sshd', ['-V'], /OpenSSH_([^\s,]+)/),
      ...Object.fromEntries(
        PEER_NAMES.filter((name) => name !== 'ssh').map((name) => [name, presence(name)]),
      ),
    },
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** How each of these would tell its version differs too much, and none was here to ask. */
const presence = (name: (typeof PEER_NAMES)[number]): string =>
  peerOf(name).programs.every(findProgram) ? 'present' : 'absent'

/** Programs print their version on either output and exit as they like. */
function version(name: string, args: readonly string[], pattern: RegExp): string {
  const file = findProgram(name)
  if (!file) return 'absent'
  const output = run('sh', ['-c', '"$0" "$@" 2>&1 || true', file, ...args])
  return pattern.exec(output)?.[1] ?? 'present'
}

function commitOf(root: string): string {
  const commit = run('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD']).trim()
  if (!commit) return 'unknown'
  return run('git', ['-C', root, 'status', '--porcelain']).trim() ? `${commit} and changes` : commit
}

function run(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 })
  } catch {
    return ''
  }
}
