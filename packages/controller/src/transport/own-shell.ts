/** What runs a command of the configuration: the person's own shell, as for OpenSSH, since it may be written for that. */
export function ownShell(): string | true {
  return (process.platform !== "win32" && process.env["SHELL"]) || true
}
