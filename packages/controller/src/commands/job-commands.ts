import type { Command, OptionValues } from "commander"
import type { CommandDefinitions } from "./command-definition.ts"

const commands = () => import("./jobs.ts")

/** Work that outlives its connection. */
export const jobCommands: CommandDefinitions = {
  jobs: ({ program, define, select }) => {
    const jobs = define(
      program,
      "jobs",
      "work that outlives the connection: what was begun with prepare --detach, or lost its connection",
      "datamaestro --host cluster jobs list",
    )
    define(
      jobs,
      "list",
      "id, state, dataset, progress, host and beginning of each job, one a line",
      "datamaestro --host cluster jobs list",
    ).action((_values: OptionValues, command: Command) => select(command, async () => (await commands()).listJobs()))
    define(
      jobs,
      "attach <JOB>",
      "show a job's progress and print its result, as prepare does; resumes a job whose process is gone; Ctrl-C leaves it running",
      "datamaestro --host cluster jobs attach k3f9c2ax",
    ).action((job: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await commands()).attachJob(job)),
    )
    define(
      jobs,
      "logs <JOB>",
      "what a job has told, with times",
      "datamaestro --host cluster jobs logs k3f9c2ax",
    ).action((job: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await commands()).jobLogs(job)),
    )
    define(
      jobs,
      "cancel <JOB>",
      "end a job, wherever it runs; what is downloaded is kept",
      "datamaestro --host cluster jobs cancel k3f9c2ax",
    ).action((job: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await commands()).cancelJob(job)),
    )
  },
}
