/** Calls over SSH, first and warm, against `ssh` running `node -e 0`; bytes of the first upload; time to help. */
import { mkdir, rm } from "node:fs/promises"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { startDelayProxy } from "../test/helpers/delay-proxy.ts"
import { temporaryFolder } from "../test/helpers/ssh-client-files.ts"
import { startSshd } from "../test/helpers/sshd.ts"
import { measure, printRatios, type Contender } from "./measure.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))

/** `NODE_EXTRA_CA_CERTS` costs every start of Node 20 some 80 ms: nobody gets it. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
  return { ...rest, HOME: home, XDG_CACHE_HOME: join(home, ".cache"), XDG_CONFIG_HOME: join(home, ".config") }
}

export async function benchConnection(rounds: number): Promise<void> {
  const laptop = await temporaryFolder("datamaestro-bench-")
  const cluster = await temporaryFolder("datamaestro-bench-")
  await mkdir(join(cluster.path, "datamaestro"))
  const server = await startSshd({ environment: { HOME: cluster.path, PATH: process.env["PATH"] ?? "" } })
  const environment = environmentOf(laptop.path)
  try {
    printRatios(
      "time to help",
      await measure(
        [
          { name: "datamaestro --help", command: [process.execPath, launcher, "--help"], environment },
          { name: "node -e 0", command: [process.execPath, "-e", "0"], environment },
        ],
        rounds,
      ),
    )

    for (const delay of [0, 25]) {
      const proxy = delay === 0 ? undefined : await startDelayProxy({ target: server, delay })
      const port = proxy?.port ?? server.port
      const ssh = [
        "-F",
        server.configFile,
        "-p",
        String(port),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "LogLevel=ERROR",
      ]
      const ours = [launcher, "-F", server.configFile, "-o", `Port=${port}`, "-o", "StrictHostKeyChecking=no"]
      const call: Contender = {
        name: "datamaestro --host h datafolders list, warm",
        command: [process.execPath, ...ours, "--quiet", "--host", "h", "datafolders", "list"],
        environment,
      }
      const first: Contender = {
        ...call,
        name: "the same, first call of all (upload included)",
        prepare: () => {
          rmSync(join(laptop.path, ".cache", "datamaestro", "hosts"), { recursive: true, force: true, maxRetries: 9 })
          rmSync(join(cluster.path, ".cache", "datamaestro"), { recursive: true, force: true, maxRetries: 9 })
        },
      }
      const node: Contender["command"] = ["ssh", ...ssh, "h", "node", "-e", "0"]
      const results = await measure(
        [
          call,
          { name: "ssh h node -e 0, OpenSSH's defaults", command: node, environment },
          {
            name: "ssh h node -e 0, curve25519",
            command: ["ssh", "-o", "KexAlgorithms=curve25519-sha256", ...node.slice(1)] as never,
            environment,
          },
        ],
        rounds,
      )
      printRatios(`one call over SSH, ${2 * delay} ms round trip`, results)
      printRatios(`first call, ${2 * delay} ms round trip`, [
        ...(await measure([first], Math.ceil(rounds / 3))),
        ...results.slice(0, 1),
      ])
      await proxy?.close()
    }
  } finally {
    await server.stop()
    await rm(laptop.path, { recursive: true, force: true, maxRetries: 9 })
    await rm(cluster.path, { recursive: true, force: true, maxRetries: 9 })
  }
}
