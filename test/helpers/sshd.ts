import { execFileSync, spawn } from "node:child_process"
import { chmodSync, existsSync } from "node:fs"
import { chmod, chown, mkdir, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { userInfo } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "./free-port.ts"
import {
  generateKey,
  temporaryFolder,
  writeSshClientFiles,
  type KeyType,
  type SshClientFiles,
} from "./ssh-client-files.ts"

const PROGRAMS = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/lib/ssh/sshd"]

const program = (): string | undefined => PROGRAMS.find((path) => existsSync(path))

/** Whether OpenSSH's server is installed here. */
export function sshdAvailable(): boolean {
  return program() !== undefined
}

/** Whether, besides, accounts with a login shell of their own can be made: as root on Linux. */
export function testUsersAvailable(): boolean {
  return sshdAvailable() && process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/sbin/useradd")
}

/** Skips the suite where there is no sshd; never under CI, where its absence must be seen. */
export function skipWithoutSshd(context: Mocha.Context): void {
  if (!sshdAvailable() && process.env["CI"] === undefined) context.skip()
}

/** The same for suites that need accounts of their own. */
export function skipWithoutTestUsers(context: Mocha.Context): void {
  if (!testUsersAvailable() && process.env["CI"] === undefined) context.skip()
}

export interface TestUser {
  readonly name: string
  readonly home: string
  readonly uid: number
  /** Ends what runs under the account, then removes it with its home. */
  remove(): Promise<void>
}

export interface TestUserOptions {
  /** The login shell; /bin/bash by default. */
  shell?: string
  /** Files below the home: relative path to content, e.g. `.bashrc`. */
  files?: Readonly<Record<string, string>>
  /** A home of one's own choosing, which must not exist yet. */
  home?: string
}

let userCount = 0

/** Numbers of accounts are used again: what an earlier one's agent left in shared folders is not this one's. */
async function removeTemporaryCaches(uid: number): Promise<void> {
  for (const parent of ["/tmp", "/var/tmp", "/dev/shm"]) {
    await rm(join(parent, `datamaestro-${uid}`), { recursive: true, force: true })
  }
}

/** Makes an account that can log in by key. Needs `testUsersAvailable()`. */
export async function createTestUser(options: TestUserOptions = {}): Promise<TestUser> {
  const name = `dm${process.pid.toString(36)}x${userCount++}`
  const home = options.home ?? join("/home", name)
  const shell = options.shell ?? "/bin/bash"
  execFileSync("/usr/sbin/useradd", ["-m", "-k", "/dev/null", "-d", home, "-s", shell, name], { stdio: "pipe" })
  // An account without a password counts as locked, for keys too; "*" is a password nothing matches.
  execFileSync("/usr/sbin/usermod", ["-p", "*", name], { stdio: "pipe" })
  const uid = Number(execFileSync("id", ["-u", name], { encoding: "utf8" }))
  const gid = Number(execFileSync("id", ["-g", name], { encoding: "utf8" }))
  await removeTemporaryCaches(uid)
  for (const [path, content] of Object.entries(options.files ?? {})) {
    const parts = dirname(path) === "." ? [] : dirname(path).split("/")
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = join(home, ...parts.slice(0, depth))
      await mkdir(folder, { recursive: true })
      await chown(folder, uid, gid)
    }
    await writeFile(join(home, path), content)
    await chown(join(home, path), uid, gid)
  }
  return {
    name,
    home,
    uid,
    remove: async () => {
      for (let attempt = 0; attempt < 20; attempt++) {
        const pids = await processesOf(uid)
        if (pids.length === 0) break
        for (const pid of pids) kill(pid, "SIGKILL")
        await sleep(50)
      }
      await removeTemporaryCaches(uid)
      execFileSync("/usr/sbin/userdel", ["-f", name], { stdio: "pipe" })
      await rm(home, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** The processes of an account, by /proc. */
export async function processesOf(uid: number): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    const status = await readFile(`/proc/${entry}/status`, "utf8").catch(() => "")
    if (Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1) !== uid) continue
    // A zombie has ended already; whoever started it has only not asked yet.
    if (!/^State:\s+Z/m.test(status)) found.push(Number(entry))
  }
  return found
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}

export interface SshdOptions {
  /** Who logs in; the account that runs the tests by default. */
  user?: string
  /** Further lines of sshd_config, which come first and so win. */
  config?: readonly string[]
  /** What commands see, e.g. `HOME`, so that an existing account's own home stays untouched. */
  environment?: Readonly<Record<string, string>>
  /** What the server itself sees besides, e.g. where its Kerberos keys lie. */
  ownEnvironment?: Readonly<Record<string, string>>
  hostKeyTypes?: readonly KeyType[]
  authorizedKeys?: readonly string[]
}

/** A real OpenSSH server on loopback. */
export interface Sshd extends SshClientFiles {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly hostKeys: readonly string[]
  readonly pid: number
  /** A folder of its own that goes with the server; readable for all. */
  readonly folder: string
  /** What it wrote with `-e`, at LogLevel VERBOSE. */
  log(): string
  /** Ends the processes that serve connections, as a crash of the machine would; the server itself stays. */
  killConnections(): Promise<void>
  stop(): Promise<void>
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = program()
  if (sshd === undefined) throw new Error("OpenSSH's sshd is not installed")
  const temporary = await temporaryFolder("datamaestro-sshd-")
  const folder = temporary.path
  await chmod(folder, 0o755)
  // The privilege separation folder, which the distribution's service would make.
  if (process.getuid?.() === 0) {
    await mkdir("/run/sshd", { recursive: true })
    chmodSync("/run/sshd", 0o755)
  }
  const user = options.user ?? userInfo().username
  const clientKey = generateKey()
  const hostKeys = (options.hostKeyTypes ?? ["ed25519"]).map((type) => generateKey(type))
  const hostKeyFiles = hostKeys.map((_key, index) => join(folder, `host_key_${index}`))
  for (const [index, file] of hostKeyFiles.entries()) {
    await writeFile(file, hostKeys[index]?.private ?? "", { mode: 0o600 })
  }
  await writeFile(
    join(folder, "authorized_keys"),
    `${[clientKey.public, ...(options.authorizedKeys ?? [])].join("\n")}\n`,
  )

  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const config = [
      ...(options.config ?? []),
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      ...hostKeyFiles.map((file) => `HostKey ${file}`),
      `PidFile ${join(folder, "sshd.pid")}`,
      `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
      "UsePAM no",
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "PrintMotd no",
      "PrintLastLog no",
      "LogLevel VERBOSE",
      // The tests of several hosts connect at once.
      "MaxStartups 100",
      ...environmentLine(options.environment),
    ]
    await writeFile(join(folder, "sshd_config"), `${config.join("\n")}\n`)
    const child = spawn(sshd, ["-D", "-e", "-f", join(folder, "sshd_config")], {
      env: { ...process.env, ...options.ownEnvironment },
      stdio: ["ignore", "ignore", "pipe"],
    })
    let log = ""
    child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()))
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    while (child.exitCode === null && !(log.includes("Server listening") && (await answers(port)))) await sleep(20)
    if (child.exitCode !== null) {
      if (attempt < 3 && /in use/.test(log)) continue
      await temporary.remove()
      throw new Error(`sshd did not start: ${log}`)
    }
    const pid = child.pid ?? 0
    const files = await writeSshClientFiles(folder, {
      host: "127.0.0.1",
      port,
      user,
      key: clientKey,
      hostKeys: hostKeys.map((key) => key.public),
    })
    const killConnections = async (): Promise<void> => {
      for (const child of await descendants(pid)) if (await isSshd(child, sshd)) kill(child, "SIGKILL")
    }
    return {
      ...files,
      host: "127.0.0.1",
      port,
      user,
      hostKeys: hostKeys.map((key) => key.public),
      pid,
      folder,
      log: () => log,
      killConnections,
      stop: async () => {
        const all = await descendants(pid)
        child.kill("SIGTERM")
        await ended
        for (const descendant of all) kill(descendant, "SIGKILL")
        await temporary.remove()
      },
    }
  }
}

/** One line, since only the first SetEnv counts. */
function environmentLine(environment: SshdOptions["environment"]): string[] {
  const entries = Object.entries(environment ?? {})
  return entries.length === 0 ? [] : [`SetEnv ${entries.map(([name, value]) => `"${name}=${value}"`).join(" ")}`]
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port })
    const settle = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    socket.once("data", () => settle(true))
    socket.once("error", () => settle(false))
    socket.once("end", () => settle(false))
  })
}

async function isSshd(pid: number, path: string): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => "")).startsWith(path)
}

/** All processes below one, by /proc (Linux) or `ps` (elsewhere). */
async function descendants(root: number): Promise<number[]> {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
  const parents = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const found = [root]
  for (const ancestor of found) {
    for (const [pid, parent] of parents) if (parent === ancestor) found.push(pid)
  }
  return found.slice(1)
}
