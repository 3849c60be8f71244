import { mkdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import type { Call, Place } from './peer.js'

/** The folder that sshd wants to exist when root starts it; distributions make it at boot. */
const PRIVSEP = '/run/sshd'

/** `ssh -R` to an sshd of our own, with keys of our own: neither reads the user's or the machine's settings. */
export async function startSsh(place: Place): Promise<{ server: Call; client: Call }> {
  const { control, open, targetHost, targetPort, write, program, run } = place
  const { username, uid } = userInfo()
  if (uid === 0) mkdirSync(PRIVSEP, { recursive: true, mode: 0o755 })
  const key = write('ssh-key', '').concat('.own')
  await run(program('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f', key)
  const authorized = write('authorized_keys', readFileSync(`${key}.pub`, 'utf8'))
  const config = write(
    'sshd_config',
    `ListenAddress 127.0.0.1:${control}
HostKey ${key}
PidFile ${dirname(key)}/sshd-${control}.pid
AuthorizedKeysFile ${authorized}
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding remote
LogLevel ERROR
`,
  )
  return {
    server: { file: program('sshd'), args: ['-D', '-e', '-f', config] },
    client: {
      file: program('ssh'),
      args: [
        ...['-F', '/dev/null', '-N', '-T', '-i', key, '-p', String(control)],
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
        ...['-o', 'ExitOnForwardFailure=yes', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
        ...['-R', `127.0.0.1:${open}:${targetHost}:${targetPort}`, `${username}@127.0.0.1`],
      ],
    },
  }
}
