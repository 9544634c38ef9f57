/** What the person said about a host: the name as typed, and the OpenSSH-like options of the command line. */
export interface SshTarget {
  /** As typed: `cluster`, `user@host`, `user@host:port`, `ssh://user@host:port`. */
  destination: string
  /** `-F`: read this instead of the user's and the system's configuration. */
  configFile?: string | undefined
  /** `-i`, in order. */
  identityFiles: readonly string[]
  /** `-o`, each `Option=value` or `Option value`, in order; the first of a name wins, as in OpenSSH. */
  options: readonly string[]
  /** `--transport`: which SSH client connects; absent: the built-in one, or the system's where only that can. */
  transport?: SshTransportName | undefined
}

export type SshTransportName = "ssh2" | "openssh"
