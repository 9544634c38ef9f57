import { homedir, userInfo } from "node:os"
import { join } from "node:path"

const SYSTEM_FOLDER =
  process.platform === "win32" ? join(process.env["PROGRAMDATA"] ?? "C:\\ProgramData", "ssh") : "/etc/ssh"

/** What the configuration is read on: the controller. */
export interface SshSurroundings {
  home: string
  localUser: string
  environment: Readonly<Record<string, string | undefined>>
  /** `/etc/ssh`. */
  systemFolder: string
}

export function currentSurroundings(): SshSurroundings {
  return { home: homedir(), localUser: localUser(), environment: process.env, systemFolder: SYSTEM_FOLDER }
}

function localUser(): string {
  try {
    return userInfo().username
  } catch {
    // An account id without an entry, as in containers.
    return process.env["USER"] ?? process.env["LOGNAME"] ?? "nobody"
  }
}
