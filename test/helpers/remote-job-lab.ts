import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { startDelayProxy, type DelayProxy } from "./delay-proxy.ts"
import { startJobLab, type JobLab, type RunningCommand } from "./job-lab.ts"
import { startSshd, type Sshd, type SshdOptions } from "./sshd.ts"

/** A job lab whose commands can work over SSH, on a network that can fail. */
export interface RemoteJobLab extends JobLab {
  sshd: Sshd
  /** Between the controller and `sshd`. */
  proxy: DelayProxy
  /** Names the hosts. */
  configFile: string
  /** Starts a command for the host `cluster` and the lab's data directory. */
  remote(...args: string[]): RunningCommand
}

export interface RemoteJobLabOptions {
  /** The hosts by name, and whether the proxy is on the way; `cluster`, through the proxy, by default. */
  hosts?: Readonly<Record<string, "direct" | "proxied">>
  /** More lines of `ssh_config` for each of them. */
  client?: readonly string[]
  /** More of the server; its `HOME` is the lab's. */
  server?: SshdOptions
}

export async function startRemoteJobLab({
  hosts = { cluster: "proxied" },
  client = [],
  server = {},
}: RemoteJobLabOptions = {}): Promise<RemoteJobLab> {
  const lab = await startJobLab()
  const sshd = await startSshd({ environment: { HOME: lab.home }, ...server })
  const proxy = await startDelayProxy({ target: sshd })
  const configFile = join(lab.folder, "ssh_config")
  const lines = Object.entries(hosts).flatMap(([name, way]) => [
    `Host ${name}`,
    "HostName 127.0.0.1",
    `Port ${way === "direct" ? sshd.port : proxy.port}`,
    `User ${sshd.user}`,
    `IdentityFile ${sshd.identityFile}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${sshd.knownHostsFile}`,
    "StrictHostKeyChecking no",
    ...client,
  ])
  await writeFile(configFile, `${lines.join("\n")}\n`)
  return {
    ...lab,
    sshd,
    proxy,
    configFile,
    remote: (...args) => lab.start("-F", configFile, "--host", "cluster", "--data", lab.data, ...args),
    async close() {
      await lab.close()
      await proxy.close()
      await sshd.stop()
    },
  }
}
