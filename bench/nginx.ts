import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type Ground, program } from './ground.js'
import { childrenOf } from './kernel.js'
import { answering, type Service } from './service.js'

/** One more than any scenario asks for on one connection: the default of 1000 would add reconnects. */
const FOR_EVER = 1_000_000_000

/** One nginx with one worker, logs off: the reference, and the cheapest origin at hand. */
async function startNginx(ground: Ground, name: string, server: (port: number) => string): Promise<Service> {
  const file = program('nginx')
  const port = await freePort()
  const prefix = join(ground.dir, `${name}-${port}`)
  mkdirSync(prefix)
  // Started by root, the worker runs as another user, who must reach files and temporary folders.
  chmodSync(ground.dir, 0o755)
  chmodSync(prefix, 0o755)
  const config = ground.write(`${name}.conf`, configuration(prefix, server(port)))
  const running = ground.start({ name, file, args: ['-p', prefix, '-c', config, '-e', 'stderr'] })
  await answering([running], `127.0.0.1:${port}`)
  const members = childrenOf(running.pid).map((pid) => ({ name, pid }))
  if (members.length !== 1) throw new Error(`${name} has ${members.length} workers, expected one`)
  return { host: `127.0.0.1:${port}`, base: '', headers: [], members, processes: [running] }
}

function configuration(prefix: string, server: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests ${FOR_EVER};
  keepalive_timeout 300s;
  client_max_body_size 0;
  default_type application/octet-stream;
  ${temporary.map((kind) => `${kind}_temp_path ${prefix}/${kind};`).join('\n  ')}
${server}
}
`
}

/** Small fixed answers and files of zeros, both without a system call more than needed. */
export function startNginxOrigin(ground: Ground, files: string): Promise<Service> {
  return startNginx(
    ground,
    'origin',
    (port) => `  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = / { default_type text/plain; return 200 "Hello, world!"; }
    location / { root ${files}; }
  }`,
  )
}

/**
 * A reverse proxy that does what the tunnel does: upstream connections are kept, WebSockets pass, bodies stream both
 * ways and never touch the disk.
 */
export function startNginxProxy(ground: Ground, name: string, target: string): Promise<Service> {
  return startNginx(
    ground,
    name,
    (port) => `  upstream target {
    server ${target};
    keepalive 512;
    keepalive_requests ${FOR_EVER};
    keepalive_timeout 300s;
  }
  map $http_upgrade $hop { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://target;
      proxy_http_version 1.1;
      proxy_set_header Connection $hop;
      proxy_set_header Upgrade $http_upgrade;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }`,
  )
}
