import { freePort, type Ground, program } from './ground.js'
import { answering, type Service } from './service.js'

/** HAProxy with one thread, kept connections on both sides, no log. */
export async function startHaproxy(ground: Ground, name: string, target: string): Promise<Service> {
  const file = program('haproxy')
  const port = await freePort()
  const config = ground.write(
    `${name}.cfg`,
    `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-keep-alive
  http-reuse always
frontend callers
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin
backend origin
  server target ${target} pool-max-conn 512
`,
  )
  const running = ground.start({ name, file, args: ['-db', '-q', '-f', config] })
  await answering([running], `127.0.0.1:${port}`)
  return {
    host: `127.0.0.1:${port}`,
    base: '',
    headers: [],
    members: [{ name, pid: running.pid }],
    processes: [running],
  }
}
