import { execFileSync, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { LAUNCHER, type CommandRun } from "./command-line.ts"

/** Two users of this machine and the group that they have in common; it is the first group of neither. */
export interface GroupMembers {
  gid: number
  users: readonly [string, string]
  uidOf(user: string): number
  /** Runs the built `datamaestro` as one of them. */
  run(user: string, umask: string, env: Readonly<Record<string, string>>, args: readonly string[]): Promise<CommandRun>
  remove(): void
}

/** Makes them; `undefined` where this process may not, or where they could not read the built command. */
export function createGroupMembers(): GroupMembers | undefined {
  if (process.getuid?.() !== 0) return undefined
  const tag = randomBytes(3).toString("hex")
  const group = `dm${tag}`
  const users = [`dma${tag}`, `dmb${tag}`] as const
  const remove = (): void => {
    for (const user of users) spawnSync("userdel", [user])
    spawnSync("groupdel", [group])
  }
  try {
    execFileSync("groupadd", [group])
    for (const user of users) execFileSync("useradd", ["--no-create-home", "--user-group", "--groups", group, user])
    execFileSync("runuser", ["-u", users[0], "--", "test", "-r", LAUNCHER])
  } catch {
    remove()
    return undefined
  }
  const gid = Number(execFileSync("getent", ["group", group]).toString().split(":")[2])
  return {
    gid,
    users,
    uidOf: (user) => Number(execFileSync("id", ["-u", user]).toString()),
    remove,
    async run(user, umask, env, args) {
      const script = 'umask "$1"; shift; exec "$@"'
      const child = spawn(
        "runuser",
        ["-u", user, "--", "sh", "-c", script, "sh", umask, process.execPath, LAUNCHER, ...args],
        { env: { ...process.env, ...env }, cwd: "/", stdio: ["ignore", "pipe", "pipe"] },
      )
      let stdout = ""
      let stderr = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
      const status = await new Promise<number | null>((resolve) => child.once("close", resolve))
      return { status, stdout, stderr }
    },
  }
}
