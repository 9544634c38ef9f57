import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import type { ExaminedStep } from "../../packages/controller/src/commands/examination.ts"
import { datamaestro, type CommandRun } from "../helpers/command-line.ts"
import { generateKey, temporaryFolder } from "../helpers/ssh-client-files.ts"
import type { SshServer } from "../helpers/ssh-server.ts"
import { testServers } from "../helpers/test-servers.ts"

const STEPS = "resolve,connect,jump,host key,authenticate,shell,Node,agent,data directory,internet,proxy,clock".split(
  ",",
)

describe("datamaestro doctor", function () {
  this.timeout(60_000)
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let internet: Server
  let url: string
  const { cleanups, serve } = testServers()

  beforeEach(async () => {
    internet = createServer((_request, response) => response.writeHead(204).end())
    await new Promise<void>((resolve) => internet.listen(0, "127.0.0.1", resolve))
    url = `http://127.0.0.1:${(internet.address() as AddressInfo).port}/`
  })
  beforeEach(async () => {
    home = await temporaryFolder()
  })
  afterEach(async () => {
    await home.remove()
    internet.close()
    internet.closeAllConnections()
  })

  const run = (...args: string[]): Promise<CommandRun> =>
    datamaestro([...args, "doctor", "--url", url], {
      env: { ...process.env, HOME: home.path, XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "" },
      detached: true,
    })
  interface Report {
    ok: boolean
    steps: ExaminedStep[]
  }
  const examine = async (
    server: { configFile: string },
    ...args: string[]
  ): Promise<Report & { status: number | null }> => {
    const { status, stdout, stderr } = await run("-F", server.configFile, "--host", "cluster", "--json", ...args)
    expect(stderr.includes("Traceback"), stderr).to.equal(false)
    return { ...(JSON.parse(stdout) as Report), status }
  }
  const statesOf = ({ steps }: Report): string => steps.map(({ state }) => state[0]).join("")

  it("tells one line a step, on this machine too", async () => {
    const server = await serve()
    const { status, stdout, stderr } = await run("-F", server.configFile, "--host", "cluster")
    expect(stderr).to.match(/^(agent: uploading.*\n)*$/)
    expect(status).to.equal(0)
    const lines = stdout.trimEnd().split("\n")
    expect(lines.map((line) => line.slice(9, 24).trim())).to.deep.equal(STEPS)
    expect(lines[0]).to.match(new RegExp(`^ok +resolve +tester@127\\.0\\.0\\.1:${server.port} \\(\\d+ ms\\)$`))
    expect(lines[8]).to.match(
      /ok +data directory .*\/datamaestro \(the default\), not there yet.* free, \d+ inodes free/,
    )
    expect(lines[9]).to.contain("answers 204")
    const here = await run()
    expect(here.status, here.stdout).to.equal(0)
    expect(here.stdout.trimEnd().split("\n")).to.have.length(6)
  })

  it("tells how it got through a jump host", async () => {
    const [gate, goal] = [await serve({ forwarding: true }), await serve()]
    const config = join(home.path, "config")
    const host = (name: string, { port, identityFile, knownHostsFile }: SshServer): string =>
      `Host ${name}\n HostName 127.0.0.1\n User tester\n Port ${port}\n IdentityFile ${identityFile}\n UserKnownHostsFile ${knownHostsFile}\n`
    await writeFile(config, `Host cluster\n ProxyJump gate\n${host("gate", gate)}${host("cluster", goal)}`)
    const report = await examine({ configFile: config })
    expect(report.ok).to.equal(true)
    expect(report.steps[2]).to.deep.include({ step: "jump", state: "ok", found: "through gate" })
    await writeFile(gate.identityFile, generateKey().private)
    const refused = await examine({ configFile: config })
    expect(refused.steps[2]).to.deep.include({ step: "jump", state: "failed", code: "AUTHENTICATION_FAILED" })
    expect(statesOf(refused)).to.equal("oofsssssssss")
  })

  for (const client of ["ssh2", "openssh"]) {
    it(`says which step failed, and what to do next, over ${client}`, async () => {
      const server = await serve()
      const fails = async (states: string, code: string, status: number, ...args: string[]): Promise<void> => {
        const report = await examine(server, "--transport", client, ...args)
        const failed = report.steps.find(({ state }) => state === "failed")
        expect([statesOf(report), failed?.code, report.status], JSON.stringify(failed)).to.deep.equal([
          states,
          code,
          status,
        ])
        expect(failed?.next).to.be.a("string")
        expect(report.ok).to.equal(false)
      }
      await fails("fsssssssssss", "USAGE", 2, "-o", "Port=none")
      await fails("ofssssssssss", "UNREACHABLE", 8, "-o", "Port=1")
      for (const way of ["sh -c 'echo no way >&2; exit 1'", "echo HTTP/1.0 403"]) {
        await fails("ofssssssssss", "UNREACHABLE", 8, "-o", `ProxyCommand=${way}`)
      }
      await fails("oosfssssssss", "HOST_KEY_UNKNOWN", 8, "-o", "UserKnownHostsFile=/dev/null")
      await fails("oosofsssssss", "AUTHENTICATION_FAILED", 8, "-o", "PubkeyAuthentication=no")
      await fails("oosooofsssss", "NO_NODE", 8, "--node", "/nowhere/node")
    })
  }

  it("tells a shell that runs nothing, and one that says too much", async () => {
    const sftp = await serve({ shell: ["/bin/sh", "-c", 'echo "This service allows sftp connections only."; exit 1'] })
    const refused = await examine(sftp)
    expect(statesOf(refused)).to.equal("oosoofssssss")
    expect(refused.steps[5]?.found).to.contain("SFTP")
    const loud = await serve({ shell: ["/bin/bash", "-c", 'yes welcome | head -c 100000; read answer; eval "$0"'] })
    const report = await examine(loud)
    expect(report.steps[5]).to.include({ state: "warning" })
    expect(report.steps[5]?.found).to.match(/prints (100|98) kB/)
    expect(report.ok).to.equal(true)
  })

  it("tells where no way leads out (exit 4), and goes on", async () => {
    const server = await serve({ environment: { HTTPS_PROXY: "http://me:secret-Pw@proxy.example.org:3128" } })
    url = "http://127.0.0.1:1/"
    const { status, stdout } = await run("-F", server.configFile, "--host", "cluster")
    expect(status).to.equal(4)
    expect(stdout).to.match(/failed +internet .*\n +next: +use a login node/)
    expect(stdout).to.contain("HTTPS_PROXY=http://***@proxy.example.org:3128").and.not.contain("secret-Pw")
    expect(stdout).to.match(/ok +clock/)
    const here = await run()
    expect(here.stdout).to.match(/failed +internet .* from here: .*\n +next: +check the network/)
    expect(here.stdout).not.to.contain("--relay")
  })
  it("tells a proxy that does not answer, by name and without its password", async () => {
    const there = { HTTP_PROXY: "http://me:secret-Pw@127.0.0.1:1", http_proxy: "http://me:secret-Pw@127.0.0.1:1" }
    const server = await serve({ environment: there })
    url = "http://far.example.org/"
    const report = await examine(server)
    expect(report.status).to.equal(4)
    expect(statesOf(report)).to.equal("oosoooooofoo")
    expect(report.steps[9]?.next).to.contain("one is named, see below")
    expect(JSON.stringify(report)).to.contain("http_proxy=http://***@127.0.0.1:1").and.not.contain("secret-Pw")
  })

  it("tells a data directory that is none, is full, or has malformed settings (exit 6)", async function () {
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
    const server = await serve()
    const fails = async (data: string, code: string, text: string): Promise<void> => {
      const report = await examine(server, "--data", data)
      expect(report.steps[8], data).to.include({ step: "data directory", state: "failed", code })
      expect(report.steps[8]?.found).to.contain(text)
      expect(report.steps[8]?.next).to.be.a("string")
      expect(report.status).to.equal(6)
      expect(statesOf(report)).to.equal("oosooooofooo")
    }
    await fails("/proc/no/data", "STORAGE_FAILED", "no folder can be made there")
    const purged = join(home.path, "purged")
    await symlink(join(home.path, "not-there"), purged)
    await fails(purged, "STORAGE_FAILED", `"${purged}" is a link to "${join(home.path, "not-there")}"`)
    const full = join(home.path, "full")
    await mkdir(full)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full])
    cleanups.push(() => void execFileSync("umount", ["-l", full]))
    await writeFile(join(full, "x"), Buffer.alloc(64 * 1024)).catch(() => undefined)
    await fails(full, "NO_SPACE", "no space left")
    const malformed = join(home.path, "malformed")
    await mkdir(malformed)
    await writeFile(join(malformed, "settings.json"), '{\n  "datafolders": 3\n}')
    await fails(malformed, "MALFORMED_SETTINGS", "settings.json")
  })

  it("tells a data directory that can't be written (exit 6)", async function () {
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
    const folder = join(home.path, "readonly")
    await mkdir(folder)
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", folder])
    cleanups.push(() => void execFileSync("umount", ["-l", folder]))
    const report = await examine(await serve(), "--data", join(folder, "data"))
    expect(report.status).to.equal(6)
    expect(report.steps[8]).to.include({ state: "failed", code: "READ_ONLY" })
    expect(statesOf(report)).to.equal("oosooooofooo")
  })

  it("reports several hosts, each by its name; the first failure decides", async () => {
    const server = await serve()
    const config = join(home.path, "config")
    await writeFile(config, `Host broken\n Port 1\n${await readFile(server.configFile, "utf8")}`)
    const { status, stdout } = await run("-F", config, "--host", "fine", "--host", "broken")
    expect(status).to.equal(8)
    const lines = stdout.trimEnd().split("\n")
    expect(lines.filter((line) => line.startsWith("fine\t"))).to.have.length(12)
    expect(lines.filter((line) => line.startsWith("broken\t"))).to.have.length(13)
  })
})
