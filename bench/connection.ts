/** Calls over SSH, first and warm, against `ssh` running `node -e 0` and the original's way; held connections; open channels. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdir, rm } from "node:fs/promises"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { benchOpenChannel } from "./connection-open.ts"
import { startDelayProxy } from "../test/helpers/delay-proxy.ts"
import { temporaryFolder } from "../test/helpers/ssh-client-files.ts"
import { startSshd } from "../test/helpers/sshd.ts"
import { measure, printRatios, type Contender } from "./measure.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))

const originalScript = fileURLToPath(new URL("original-way.py", import.meta.url))

/** The Python that has rpyc, if there is one. */
function originalWay(): string | undefined {
  const { stdout, status } = spawnSync("python3", ["-c", "import rpyc, sys; print(sys.executable)"], {
    encoding: "utf8",
  })
  return status === 0 ? stdout.trim() : undefined
}

/** `NODE_EXTRA_CA_CERTS` costs every start of Node 20 some 80 ms: nobody gets it. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
  return {
    ...rest,
    HOME: home,
    XDG_CACHE_HOME: join(home, ".cache"),
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_RUNTIME_DIR: "",
    DATAMAESTRO_HOLD_MINUTES: "off",
  }
}

export async function benchConnection(rounds: number): Promise<void> {
  const laptop = await temporaryFolder("datamaestro-bench-")
  const cluster = await temporaryFolder("datamaestro-bench-")
  await mkdir(join(cluster.path, "datamaestro"))
  const server = await startSshd({ environment: { HOME: cluster.path, PATH: process.env["PATH"] ?? "" } })
  const environment = environmentOf(laptop.path)
  try {
    const original = originalWay()
    if (original === undefined) console.log("\nthe original's way: skipped, python3 with rpyc is not installed")
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
          removeForGood(join(laptop.path, ".cache", "datamaestro", "hosts"))
          removeForGood(join(cluster.path, ".cache", "datamaestro"))
        },
      }
      const node: Contender["command"] = ["ssh", ...ssh, "h", "node", "-e", "0"]
      const results = await measure(
        [
          call,
          {
            name: "ssh h node -e 0, OpenSSH's defaults",
            command: node,
            environment,
            atMost: delay === 0 ? 0.75 : 0.92,
          },
          {
            name: "ssh h node -e 0, curve25519",
            command: ["ssh", "-o", "KexAlgorithms=curve25519-sha256", ...node.slice(1)] as never,
            environment,
            atMost: delay === 0 ? 1.05 : 0.8,
          },
          ...(original === undefined
            ? []
            : [
                {
                  name: "the original's way: rpyc over two ssh",
                  command: [
                    original,
                    originalScript,
                    original,
                    join(cluster.path, "datamaestro"),
                    ...ssh,
                    "h",
                  ] as const,
                  environment,
                  atMost: 0.33,
                },
              ]),
          {
            ...call,
            name: "the same call, --transport openssh",
            command: [process.execPath, ...ours, "--transport", "openssh", ...call.command.slice(ours.length + 1)],
          },
        ],
        rounds,
      )
      printRatios(`one call over SSH, ${2 * delay} ms round trip`, results)
      printRatios(`first call, ${2 * delay} ms round trip`, [
        ...(await measure([first], Math.ceil(rounds / 3))),
        ...results.slice(0, 1).map((warm) => ({ ...warm, atMost: 1.25 })),
      ])
      await benchHeld({ call, node, delay, folder: laptop.path }, rounds)
      await benchOpenChannel({ configFile: server.configFile, port, roundTrip: 2 * delay }, environment)
      await proxy?.close()
    }
  } finally {
    await server.stop()
    await rm(laptop.path, { recursive: true, force: true, maxRetries: 9 })
    await rm(cluster.path, { recursive: true, force: true, maxRetries: 9 })
  }
}

interface HeldPlace {
  call: Contender
  /** `ssh … h node -e 0`. */
  node: Contender["command"]
  /** Each way, in milliseconds. */
  delay: number
  folder: string
}

/** Both over a connection that is there: ours, and OpenSSH's ControlMaster. */
async function benchHeld({ call, node, delay, folder }: HeldPlace, rounds: number): Promise<void> {
  const [ssh, ...rest] = node
  const shared = ["-o", `ControlPath=${join(folder, `control-${delay}`)}`]
  const environment = { ...call.environment, DATAMAESTRO_HOLD_MINUTES: "5" }
  // An agent that waits needs the tenth of a second that a person takes to type the next command.
  const pause = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  await measure(
    [{ name: "master", command: [ssh, "-f", "-N", "-M", ...shared, ...rest.slice(0, -4), "h"] as never }],
    0,
  )
  printRatios(
    `one call over a held connection, ${2 * delay} ms round trip`,
    await measure(
      [
        { ...call, environment, prepare: pause, name: "datamaestro --host h datafolders list, held" },
        {
          name: "ssh h node -e 0 over ControlMaster",
          command: [ssh, ...shared, ...rest] as never,
          prepare: pause,
          atMost: 1,
        },
      ],
      rounds,
    ),
  )
  execFileSync(ssh, [...shared, ...rest.slice(0, -4), "-O", "exit", "h"], { stdio: "ignore" })
  execFileSync(process.execPath, [launcher, "hosts", "close", "--all"], { env: environment })
}

/** An agent that is just leaving may write its code cache meanwhile. */
function removeForGood(path: string): void {
  for (let tries = 1; existsSync(path); tries++) {
    try {
      rmSync(path, { recursive: true, force: true })
    } catch (error) {
      if (tries === 20) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }
}
