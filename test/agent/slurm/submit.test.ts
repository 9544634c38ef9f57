import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { slurmEnvironment } from "../../../packages/agent/src/slurm/run-slurm.ts"
import { argumentsOf, scriptOf } from "../../../packages/agent/src/slurm/submit.ts"

describe("what is submitted to Slurm", () => {
  it("asks for what the settings say, further options last", () => {
    const options = { partition: "gpu", account: "a b", time: "1-12", memory: "8G", cpus: 4, options: ["--qos=x"] }
    expect(argumentsOf("/d/jobs/abcd", 1, options).join("\n")).to.match(
      /--job-name=datamaestro-abcd\n.*--requeue\n.*--partition=gpu\n--account=a b\n--time=1-12\n--mem=8G\n--cpus-per-task=4\n--qos=x$/s,
    )
    expect(argumentsOf("/d/jobs/abcd", 5, options)).to.include("--array=0-4")
    expect(argumentsOf("/50%/jobs/abcd", 1, {})).to.include("--output=/50%%/jobs/abcd/slurm.out")
  })

  it("is a script that runs each task's own job, whatever its folder's name", () => {
    const folders = ["/tmp/it's", "/tmp/$HOME `id`\n!\\"]
    for (const [index, folder] of folders.entries()) {
      const program = { node: "/usr/bin/printf", agent: "%s|", cacheFolder: "/c" }
      const alone = scriptOf([{ folder }], program)
      expect(execFileSync("sh", ["-c", alone], { encoding: "utf8" })).to.equal(`job|${folder}|/c|`)
      const script = scriptOf(
        folders.map((each) => ({ folder: each })),
        program,
      ).replace(/ >>'.*?' 2>&1 ;;\n(?=\d|esac)/gs, " ;;\n")
      const env = { SLURM_ARRAY_TASK_ID: String(index) }
      expect(execFileSync("sh", ["-c", script], { encoding: "utf8", env })).to.equal(`job|${folder}|/c|`)
    }
  })

  it("needs fewer addresses where Slurm limits them", () => {
    const script = scriptOf([{ folder: "/d" }], { node: "echo", agent: "/agent.cjs", cacheFolder: "/c" })
    const run = (limit: string): string =>
      execFileSync("sh", ["-c", `ulimit -v ${limit}; ${script}`], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] },
      })
    expect(run("unlimited")).to.equal("/agent.cjs job /d /c\n")
    expect(run("4000000")).to.equal("--disable-wasm-trap-handler /agent.cjs job /d /c\n")
  })

  it("is not changed by what a person has set for their own use of the programs", () => {
    const environment = {
      PATH: "/bin",
      SQUEUE_FORMAT: "%i",
      SLURM_JOB_ID: "1",
      SLURM_CONF: "/c",
      SBATCH_ACCOUNT: "a",
      SBATCH_WAIT: "1",
    }
    expect(slurmEnvironment(environment)).to.deep.equal({ PATH: "/bin", SLURM_CONF: "/c", SBATCH_ACCOUNT: "a" })
  })
})
