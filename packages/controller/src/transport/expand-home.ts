import { childProcess } from "../child-process.ts"

/** Replaces a leading `~` or `~user` by the home folder; as it is where nobody is called so. */
export function expandHome(text: string, home: string): string {
  const [whole, user] = /^~([^/\\]*)(?=$|[/\\])/.exec(text) ?? []
  if (whole === undefined || user === undefined) return text
  const folder = user === "" ? home : homeOf(user)
  return folder === undefined ? text : folder + text.slice(whole.length)
}

/** By the shell, which asks whatever directory of accounts the machine has. */
function homeOf(user: string): string | undefined {
  if (process.platform === "win32" || !/^[A-Za-z_][\w.-]*$/.test(user)) return undefined
  const { stdout } = childProcess().spawnSync("/bin/sh", ["-c", `echo ~${user}`], { encoding: "utf8" })
  const folder = stdout.trimEnd()
  return folder.startsWith("/") ? folder : undefined
}
