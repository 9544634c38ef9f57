import { expect } from "chai"
import { defineDataset, file, textFile } from "@datamaestro/dataset"
import { Context, prepareDataset } from "../../packages/controller/src/index.ts"
import { isAlive, startJobLab, until, type JobLab } from "../helpers/job-lab.ts"
import { rejection } from "../helpers/rejection.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

describe("jobs by the library", function () {
  this.timeout(60_000)
  let lab: JobLab
  let earlier: NodeJS.ProcessEnv
  beforeEach(async () => {
    lab = await startJobLab()
    earlier = { ...process.env }
    Object.assign(process.env, lab.env)
  })
  afterEach(async () => {
    for (const name of Object.keys(lab.env)) {
      if (earlier[name] === undefined) delete process.env[name]
      else process.env[name] = earlier[name]
    }
    await lab.close()
  })

  it("are begun, listed, attached to and read", async () => {
    const context = Context.instance({ data: lab.data })
    const { id } = await context.dataset(lab.dataset(1)).start()
    expect(isAlive(await lab.holder(id))).to.equal(true)
    expect((await context.jobs())[0]).to.include({ id, state: "running", dataset: lab.dataset(1) })
    const phases: string[] = []
    const value = await context.job(id).attach({ onProgress: ({ phase }) => phases.push(phase) })
    expect(await lab.isRight(JSON.stringify(value))).to.equal(true)
    expect(phases).to.include("download")
    expect((await context.job(id).logs()).at(-1)?.message).to.equal("done")
    expect((await rejection(context.job("none").attach())).code).to.equal("UNKNOWN_JOB")
  })

  it("go on when who looks on stops looking, and end when they are cancelled", async () => {
    const context = Context.instance({ data: lab.data })
    const job = await context.dataset(lab.dataset(30)).start()
    const pid = await lab.holder(job.id)
    const stop = new AbortController()
    const attached = rejection(job.attach({ signal: stop.signal, onProgress: () => stop.abort() }))
    expect((await attached).code).to.equal("INTERRUPTED")
    expect(isAlive(pid)).to.equal(true)
    expect(await job.cancel()).to.equal("cancelled")
    await until(() => !isAlive(pid))
  })

  it("are told from a definition that no repository has", async () => {
    const lonely = defineDataset({
      id: "org.example.lonely",
      resources: { text: file("http://127.0.0.1:1/x") },
      describe: ({ text }) => ({ text: textFile(text) }),
    })
    const error = await rejection(prepareDataset(lonely, { context: lab.data }))
    expect(error.code).to.equal("UNKNOWN_DATASET")
    expect(error.message).to.contain("its definition is in no repository that is found")
    expect(error.hint).to.contain("DATAMAESTRO_REPOSITORY_PATH")
  })

  describe("on another machine", () => {
    let sshd: Sshd
    before(function () {
      skipWithoutSshd(this)
    })
    beforeEach(async () => {
      sshd = await startSshd({ environment: { HOME: lab.home } })
    })
    afterEach(() => sshd.stop())

    const connect = (options: { onDisconnect?: "cancel" } = {}): Promise<Context> =>
      Context.remote("127.0.0.1", {
        ...options,
        data: lab.data,
        configFile: sshd.configFile,
        sshOptions: [`Port=${sshd.port}`, `User=${sshd.user}`, `IdentityFile=${sshd.identityFile}`],
      })

    it("are not begun where all work is to end with its connection", async () => {
      const context = await connect({ onDisconnect: "cancel" })
      try {
        const error = await rejection(context.dataset(lab.dataset(1)).start())
        expect(error).to.include({ code: "USAGE", hint: "call prepare, or leave onDisconnect out" })
        expect(await lab.jobs()).to.deep.equal([])
      } finally {
        await context.close()
      }
    })

    it("are cancelled with the context that is closed", async () => {
      const context = await connect()
      let begun = (): void => {}
      const downloading = new Promise<void>((resolve) => (begun = resolve))
      const onProgress = ({ phase }: { phase: string }): void => {
        if (phase === "download") begun()
      }
      const prepared = rejection(context.dataset(lab.dataset(30)).prepare({ onProgress }))
      await downloading
      await until(async () => (await lab.jobs()).length > 0)
      const [job = ""] = await lab.jobs()
      await until(async () => (await lab.holder(job)) > 0)
      const pid = await lab.holder(job)
      await context.close()
      expect((await prepared).code).to.equal("INTERRUPTED")
      await until(() => !isAlive(pid))
      expect((await Context.instance({ data: lab.data }).jobs())[0]).to.include({ id: job, state: "cancelled" })
      expect((await rejection(context.jobs())).code).to.equal("USAGE")
    })
  })
})
