import { expect } from "chai"
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { LAUNCHER } from "../helpers/command-line.ts"
import { hasPseudoTerminal, inTerminal } from "../helpers/pseudo-terminal.ts"
import { generateKey, temporaryFolder } from "../helpers/ssh-client-files.ts"
import { startSshServer, type SshServer } from "../helpers/ssh-server.ts"
import { skipWithoutSshd } from "../helpers/sshd.ts"

/** What a person types, and nobody but the server may learn. */
const SECRETS = { passphrase: "pass-Phrase-77", password: "pass-Word-88", code: "24681357", pin: "97531864" }

describe("questions of a log-in", function () {
  this.timeout(60_000)
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let server: SshServer
  let configFile: string

  before(async function () {
    if (!hasPseudoTerminal && process.env["CI"] === undefined) this.skip()
    skipWithoutSshd(this)
    home = await temporaryFolder("dm-questions-")
    const key = generateKey("ed25519", SECRETS.passphrase)
    server = await startSshServer({
      authorizedKeys: [key.public],
      password: SECRETS.password,
      requiredMethods: ["publickey", "password", "keyboard-interactive"],
      keyboardInteractive: async (ask) => {
        const [code, pin] = await ask(["One-time code: ", "PIN: "])
        return code === SECRETS.code && pin === SECRETS.pin
      },
    })
    const identity = join(home.path, "key")
    await writeFile(identity, key.private, { mode: 0o600 })
    configFile = join(home.path, "config")
    const config = await readFile(server.configFile, "utf8")
    await writeFile(configFile, config.replace(/IdentityFile .*/, `IdentityFile ${identity}`))
  })
  after(async () => {
    await server?.close()
    await home?.remove()
  })

  interface Run {
    status: number | null
    /** What the terminal showed, and the two streams that didn't lead to it. */
    screen: string
    stdout: string
    stderr: string
  }
  const ask = async (args: readonly string[], pins: readonly string[], only?: [string, string]): Promise<Run> => {
    const folder = join(home.path, "run")
    await mkdir(folder)
    const [out, err] = [join(folder, "out"), join(folder, "err")]
    const command = [process.execPath, LAUNCHER, "-F", configFile, "--host", "cluster", ...args]
    const line = `${command.map((word) => `'${word}'`).join(" ")} > ${out} 2> ${err}`
    const answers: [string, string][] = [
      ["assphrase", `${SECRETS.passphrase}\r`],
      ["assword", `${SECRETS.password}\r`],
      ...pins.flatMap((pin): [string, string][] => [
        ["One-time code:", `${SECRETS.code}\r`],
        ["PIN:", `${pin}\r`],
      ]),
    ]
    const environment = { HOME: home.path, XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "", DATAMAESTRO_HOLD_MINUTES: "off" }
    const { screen, status } = await inTerminal(line, only === undefined ? answers : [only], {
      ...process.env,
      ...environment,
    })
    const [stdout, stderr] = await Promise.all([readFile(out, "utf8"), readFile(err, "utf8")])
    await rm(folder, { recursive: true })
    return { status, screen, stdout, stderr }
  }
  /** All that lies below the person's home. */
  const kept = async (folder = home.path): Promise<string> => {
    const texts = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const path = join(folder, name)
        return (await stat(path)).isDirectory() ? kept(path) : readFile(path, "latin1")
      }),
    )
    return texts.join("\n")
  }
  const expectNoSecret = async ({ screen, stdout, stderr }: Run): Promise<void> => {
    const everything = [screen, stdout, stderr, await kept()].join("\n")
    for (const secret of Object.values(SECRETS)) expect(everything.includes(secret), secret).to.equal(false)
  }

  for (const client of ["ssh2", "openssh"]) {
    for (const mode of [["--debug", "--traceback"], ["--debug", "--json"], []]) {
      it(`go to the terminal, and their answers to the server alone: ${client} ${mode.join(" ")}`, async () => {
        const run = await ask(["--transport", client, ...mode, "datafolders", "list"], [SECRETS.pin])
        expect(run.status, run.screen + run.stderr).to.equal(0)
        expect(run.stdout).to.equal(mode.includes("--json") ? "{}\n" : "")
        for (const question of ["assphrase", "assword", "One-time code:", "PIN:"]) {
          expect(run.screen).to.contain(question)
          expect(run.stdout).not.to.contain(question)
        }
        await expectNoSecret(run)
      })

      it(`no wrong answer is shown either, and it ends after three: ${client} ${mode.join(" ")}`, async () => {
        const wrong = `${SECRETS.pin}-not`
        const before = server.attempts.length
        const run = await ask(["--transport", client, ...mode, "datafolders", "list"], [wrong, wrong, wrong, wrong])
        expect(run.status, run.screen + run.stderr).to.equal(8)
        expect(run.stdout).to.equal("")
        expect(run.stderr).to.contain("Cannot log in to")
        await expectNoSecret(run)
        const interactive = server.attempts.slice(before).filter((attempt) => attempt === "keyboard-interactive")
        expect(interactive).to.have.length(3)
      })
    }

    it(`Ctrl-C at one promises nothing to continue, as nothing had begun: ${client}`, async () => {
      const run = await ask(["--transport", client, "datafolders", "list"], [], ["assphrase", "\u0003"])
      expect(run.status, run.screen + run.stderr).to.equal(130)
      expect(run.stderr)
        .to.match(/error: Interrupted\n$/)
        .and.not.match(/kept|continues/)
    })
  }
})
