import { acceptedAgreements } from "../accepted-agreements.ts"
import { asDatamaestroError, DatamaestroError, interrupted } from "@datamaestro/protocol"
import { localMachine, remoteMachine, type Machine } from "../machine.ts"
import { askpassOr } from "../reporter/askpass-prompter.ts"
import { createReporter } from "../reporter/create-reporter.ts"
import { TerminalPrompter } from "../reporter/terminal-prompter.ts"
import { openSession } from "../session/session.ts"
import { readUserSettings, rememberAgreement, type UserSettings } from "../user-settings.ts"
import { Agreements } from "../agreements.ts"
import type { Selection } from "./command-definition.ts"
import type { GlobalOptions, Invocation } from "./invocation.ts"
import { onSignals } from "./on-signals.ts"
import { quietExperiments } from "./quiet-experiments.ts"
import { runCommand } from "./run-command.ts"
import { CLOSE_GRACE, unlessAbandoned } from "./unless-abandoned.ts"
import { watchWork } from "./watch-work.ts"
import { writeResult } from "./write-result.ts"

/**
 * Runs what the command line selected, with this process's streams, signals and settings.
 *
 * @returns the exit status
 */
export async function execute(selection: Selection): Promise<number> {
  const given = selection.options
  quietExperiments()
  const reporter = watchWork(await createReporter(given, process.stderr))
  const signals = onSignals(reporter)
  const { signal } = signals
  try {
    const settings = readUserSettings()
    const options = await withoutPipe(given, signal)
    const prompter = new TerminalPrompter({ reporter, signal, onInterrupt: () => signals.raise("SIGINT") })
    const agreements = new Agreements({
      accepted: acceptedAgreements(settings, selection.accepted),
      prompter,
      remember: rememberAgreement,
      onWarning: (message) => reporter.event({ phase: "notice", level: "warning", message }),
    })
    const write = async (text: string): Promise<void> => {
      reporter.end()
      // Whoever reads stdout may have stopped to.
      await unlessAbandoned(writeResult(text, process.stdout), signal, CLOSE_GRACE)
    }
    const machines =
      selection.hosts?.length === 0 ? [] : machinesOf({ ...options, host: selection.hosts ?? options.host }, settings)
    const command = await selection.load()
    if ("onlyWatches" in command && command.onlyWatches === true) reporter.watchOnly()
    const invocation: Invocation = {
      options,
      settings,
      machines,
      agreements,
      reporter,
      prompter,
      loginPrompter: askpassOr(prompter, signal),
      signal,
      openSession,
      write,
    }
    const failure = await ("execute" in command ? command.execute(invocation) : runCommand(command, invocation))
    if (failure === undefined) return 0
    if (failure.code !== "INTERRUPTED") return failure.exitStatus
    reporter.error(signals.status === undefined ? cancelledElsewhere() : interruptedHere(reporter.begun))
    return signals.status ?? failure.exitStatus
  } catch (thrown) {
    const error = asDatamaestroError(thrown)
    reporter.error(error)
    return (error.code === "INTERRUPTED" ? signals.status : undefined) ?? error.exitStatus
  } finally {
    reporter.end()
    signals.stop()
  }
}

function interruptedHere(begun: boolean): DatamaestroError {
  if (!begun) return interrupted()
  const hint = "run the same command again: it continues where it stopped"
  return new DatamaestroError("INTERRUPTED", "Interrupted", { hint })
}

function cancelledElsewhere(): DatamaestroError {
  const hint = "prepare the dataset again: it continues where it stopped"
  return new DatamaestroError("INTERRUPTED", "Interrupted: the job was cancelled, not by this command", { hint })
}

/** Few give their configuration by a pipe: nobody else loads what reads it. */
async function withoutPipe(options: GlobalOptions, signal: AbortSignal): Promise<GlobalOptions> {
  if (options.configFile === undefined) return options
  const { configFromPipe } = await import("../transport/config-from-pipe.ts")
  return { ...options, configFile: await configFromPipe(options.configFile, signal) }
}

function machinesOf(options: GlobalOptions, settings: UserSettings): Machine[] {
  if (options.host.length > 0) return options.host.map((host) => remoteMachine(host, options, settings))
  const needless = connectingOption(options)
  if (needless === undefined) return [localMachine(options, settings)]
  throw new DatamaestroError(
    "USAGE",
    `Cannot use ${needless}: -F, -i, -o, -p and --transport are for connecting, and no host is given`,
    {
      hint: "say where to run with --host HOST",
    },
  )
}

/** The first of those that are for connecting, as it was typed. */
function connectingOption({ configFile, identityFiles, sshOptions, transport }: GlobalOptions): string | undefined {
  const [identity] = identityFiles
  const [option] = sshOptions
  if (configFile !== undefined) return `-F "${configFile}"`
  if (identity !== undefined) return `-i "${identity}"`
  // What -p has become.
  const port = option === undefined ? undefined : /^Port=(\d+)$/.exec(option)?.[1]
  if (port !== undefined) return `-p ${port} (Port=${port})`
  return option === undefined ? transport && `--transport ${transport}` : `-o "${option}"`
}
