import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { zipArchive } from "../fixtures/zip-archive.ts"
import { until, type RunningCommand } from "../helpers/job-lab.ts"
import { startRemoteJobLab, type RemoteJobLab } from "../helpers/remote-job-lab.ts"
import { startSocksProxy } from "../helpers/proxies.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { skipWithoutSshd, startSshd } from "../helpers/sshd.ts"

/** Whether programs can be started here that have no network at all. */
function namespacesAvailable(): boolean {
  try {
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

describe("a data machine without a way out", function () {
  this.timeout(120_000)
  let lab: RemoteJobLab
  before(function () {
    skipWithoutSshd(this)
    if (!namespacesAvailable() && process.env["CI"] === undefined) this.skip()
  })
  beforeEach(async () => {
    // What is started there has a network namespace of its own, in which not even loopback is up.
    const config = ['ForceCommand exec unshare --net /bin/sh -c "$SSH_ORIGINAL_COMMAND"']
    lab = await startRemoteJobLab({ server: { config } })
  })
  afterEach(() => lab.close())

  const remote = (...args: string[]): RunningCommand => lab.remote(...args)

  for (const transport of ["ssh2", "openssh"]) {
    it(`gets a dataset through the controller by itself, having said so, over ${transport}`, async () => {
      const command = remote("--transport", transport, "prepare", lab.dataset(0.2))
      expect(await command.ended, command.stderr).to.equal(0)
      expect(command.stderr).to.match(/finds no way out .*: downloads go through the controller/)
      expect(await lab.isRight(command.stdout)).to.equal(true)
    })
  }

  it("continues downloads after a cut in the middle of them", async () => {
    const command = remote("--relay", "prepare", lab.dataset(3))
    await command.said(/part0: downloading/)
    await sleep(1200)
    lab.proxy.cut()
    await command.said(/Connected to "cluster" again/)
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    const ranges = lab.origin.requestsOf("/3/0").map(({ headers }) => headers.range)
    expect(ranges).to.have.length(2)
    expect(ranges[1]).to.match(/^bytes=[1-9]\d*-$/)
  })

  it("is taken along a redirect to another host", async () => {
    const { url } = lab.origin
    const body = await (await fetch(`${url}/0.2/0`)).text()
    lab.origin.route("/0.2/0", { body: "", redirect: { to: lab.origin.at("/moved", "127.0.0.2") } })
    lab.origin.route("/moved", { body })
    const command = remote("--relay", "prepare", lab.dataset(0.2))
    expect(await command.ended, command.stderr).to.equal(0)
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect(command.stderr).not.to.contain("no way out")
    expect(lab.origin.requestsOf("/moved")[0]?.headers.host).to.contain("127.0.0.2")
  })

  it("gets it through the controller's SOCKS proxy, of which no word stands among the lines of JSON", async () => {
    const proxy = await startSocksProxy()
    lab.env["ALL_PROXY"] = `socks5://127.0.0.1:${proxy.port}`
    const command = remote("--json", "--relay", "prepare", lab.dataset(0.2))
    expect(await command.ended, command.stderr).to.equal(0)
    await proxy.close()
    expect(await lab.isRight(command.stdout)).to.equal(true)
    expect(proxy.seen).not.to.deep.equal([])
    const lines = command.stderr.trimEnd().split("\n")
    expect(lines.filter((line) => !line.startsWith("{"))).to.deep.equal([])
  })

  it("brings the directory of a zip before the rest, as without", async () => {
    const noise = randomBytes(36 * 1024 * 1024)
    const body = zipArchive([
      { name: "thing/first", content: "alpha" },
      { name: "thing/noise", content: noise, stored: true },
    ])
    lab.origin.route("/big.zip", { body })
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "zips",
      files: {
        "lib/thing.js": `
          import { defineDataset, folder, zip } from "@datamaestro/dataset"
          export const thing = defineDataset({
            id: "org.example.zips",
            resources: { images: zip(${JSON.stringify(lab.origin.at("/big.zip"))}) },
            describe: ({ images }) => ({ images: folder(images) }),
          })`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] += `:${plugin}`
    const command = remote("--relay", "prepare", "org.example.zips")
    expect(await command.ended, command.stderr).to.equal(0)
    const { images } = JSON.parse(command.stdout) as { images: { path: string } }
    expect(await readFile(join(images.path, "first"), "utf8")).to.equal("alpha")
    expect((await readFile(join(images.path, "noise"))).equals(noise)).to.equal(true)
    const [whole, end] = lab.origin.requestsOf("/big.zip").map(({ headers }) => headers.range)
    expect(whole).to.equal(undefined)
    expect(end).to.match(new RegExp(`^bytes=[1-9]\\d*-${body.length - 1}$`))
  })

  it("keeps the work of a controller that was killed resumable, and says why it stopped", async () => {
    const command = remote("--relay", "prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    await until(async () => (await lab.jobs()).length > 0)
    const [job = ""] = await lab.jobs()
    await sleep(500)
    command.child.kill("SIGKILL")
    const list = async (): Promise<string> => {
      const listing = remote("jobs", "list")
      await listing.ended
      return listing.stdout
    }
    await until(async () => (await list()).includes("\tlost\t"))
    expect(await list()).to.contain("downloads went through the controller, whose connection is gone")
    const attached = remote("jobs", "attach", job)
    expect(await attached.ended, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
    expect(lab.origin.requestsOf("/8/0").at(-1)?.headers.range).to.match(/^bytes=[1-9]\d*-$/)
  })

  it("gets nothing that it asks for besides, and no redirect that no server gave", async () => {
    const secret = lab.origin.at("/secret?token=x")
    lab.origin.route("/secret", { body: "secret" })
    // As an agent would that somebody over there has changed.
    const script = join(lab.folder, "asks-for-more.mjs")
    const asks = ["file:///etc/passwd", secret, lab.origin.at("/secret", "127.0.0.2")].map((url, index) => {
      const params = { stream: 9000 + index, url, method: "GET", headers: {}, credit: 65_536 }
      return `${JSON.stringify({ jsonrpc: "2.0", method: "$/relay/open", params })}\n`
    })
    await writeFile(
      script,
      `import { spawn } from "node:child_process"
       const child = spawn("/bin/sh", ["-c", process.env.SSH_ORIGINAL_COMMAND], { stdio: ["pipe", "pipe", "inherit"] })
       process.stdin.pipe(child.stdin)
       child.on("close", (code) => process.exit(code ?? 1))
       let asked = false
       child.stdout.on("data", (chunk) => {
         process.stdout.write(chunk)
         if (asked || !String(chunk).includes("$/relay/open") || chunk.at(-1) !== 10) return
         asked = true
         process.stdout.write(${JSON.stringify(asks.join(""))})
       })`,
    )
    const changed = await startSshd({
      environment: { HOME: lab.home },
      config: [`ForceCommand exec ${process.execPath} ${script}`],
    })
    try {
      const command = lab.start(
        "-F",
        changed.configFile,
        "--host",
        "cluster",
        "--data",
        lab.data,
        "--relay",
        "prepare",
        lab.dataset(1),
      )
      expect(await command.ended, command.stderr).to.equal(0)
      expect(await lab.isRight(command.stdout)).to.equal(true)
      expect(lab.origin.requestsOf("/secret")).to.deep.equal([])
      for (const address of [secret.replace(/\?.*/, ""), lab.origin.at("/secret", "127.0.0.2")]) {
        expect(command.stderr).to.match(new RegExp(`warning: .*${address.replaceAll(".", "\\.")}`))
      }
      expect(command.stderr).not.to.contain("token=x")
    } finally {
      await changed.stop()
    }
  })

  it("gets nothing that the person's own definitions don't name", async () => {
    const attempt = remote("--relay", "prepare", "--detach", lab.dataset(8))
    expect(await attempt.ended).to.equal(2)
    expect(attempt.stderr).to.contain("they end with it")
    const command = remote("--relay", "prepare", lab.dataset(8))
    await command.said(/part0: downloading/)
    await until(async () => (await lab.jobs()).length > 0)
    const [job = ""] = await lab.jobs()
    command.child.kill("SIGKILL")
    await command.ended
    // Somebody over there has the job ask for something else.
    const path = join(lab.data, "jobs", job, "job.json")
    const specification = JSON.parse(await readFile(path, "utf8")) as { request: { id: string } }
    specification.request.id = "org.example.unknown"
    await until(async () => (await lab.holder(job)) === 0)
    await writeFile(path, JSON.stringify(specification))
    const before = lab.origin.requests.length
    const attached = remote("jobs", "attach", job)
    expect(await attached.ended).to.equal(3)
    expect(lab.origin.requests).to.have.length(before)
  })
})
