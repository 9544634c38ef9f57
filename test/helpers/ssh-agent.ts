import { execFileSync } from "node:child_process"

/** An `ssh-agent` of its own. */
export interface SshAgent {
  readonly socket: string
  add(identityFile: string): void
  stop(): void
}

/** @param args of ssh-agent(1) */
export function startSshAgent(args: readonly string[] = [], env = process.env): SshAgent {
  const said = execFileSync("ssh-agent", ["-s", ...args], { env, encoding: "utf8" })
  const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(said)?.[1] ?? ""
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1])
  return {
    socket,
    add: (identityFile) =>
      void execFileSync("ssh-add", ["-q", identityFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } }),
    stop: () => void process.kill(pid),
  }
}
