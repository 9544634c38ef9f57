/** The origin of the benchmarks: nginx on loopback, one process, the kernel sends. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"

export interface Origin {
  /** Ends with a slash; as fast as it goes. */
  url: string
  /** The same files at 20 MB/s a connection. */
  slowUrl: string
  stop(): Promise<void>
}

const candidates = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"]

/** The nginx of this machine, or `undefined`. */
export function findNginx(): string | undefined {
  return candidates.find((program) => spawnSync(program, ["-v"]).status === 0)
}

/** Serves the files of `root`, with its own configuration and temporary files in `folder`. */
export async function startOrigin(nginx: string, root: string, folder: string): Promise<Origin> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const file = join(folder, "nginx.conf")
  await writeFile(file, configuration(root, folder, port))
  const child = spawn(nginx, ["-p", folder, "-c", file, "-e", join(folder, "error.log")], { stdio: "inherit" })
  const url = `http://127.0.0.1:${port}/`
  await untilAnswering(url, child)
  return { url, slowUrl: `${url}slow/`, stop: () => stop(child) }
}

function configuration(root: string, folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  return `daemon off;
${workerUser()}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    location / { root ${root}; }
    location /slow/ { alias ${root}/; limit_rate 20000000; }
  }
}
`
}

/** Root's nginx would read as `nobody`, who can't enter a temporary folder. */
function workerUser(): string {
  if (process.getuid?.() !== 0) return ""
  return `user root ${spawnSync("id", ["-gn"], { encoding: "utf8" }).stdout.trim()};`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 5000
  while (Date.now() < deadline && child.exitCode === null) {
    if (await fetch(url, { method: "HEAD" }).then(() => true, () => false)) return // prettier-ignore
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill()
  throw new Error(`nginx does not answer on ${url}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await ended
}
