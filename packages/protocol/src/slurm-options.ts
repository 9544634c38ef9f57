import * as v from "valibot"

/** `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`: sbatch(1), `--time`. */
const TIME = /^(\d+(:\d{1,2}){0,2}|\d+-\d{1,2}(:\d{1,2}){0,2}|infinite|unlimited)$/i
/** Megabytes, or with a unit: sbatch(1), `--mem`. */
const MEMORY = /^\d+[KMGT]?$/i

/**
 * What we decide ourselves, and what would make `sbatch` do something else than submit. Where Slurm prints to is ours: it
 * tells there why a job ended, which is read.
 */
const OWN =
  /^(--(array|chdir|clusters|error|help|input|job-name|open-mode|output|parsable|quiet|test-only|usage|version|wait|wrap)(=|$)|-[aDehiJMoQVW])/

const text = v.pipe(v.string(), v.regex(/^[^\s\p{Cc}][^\p{Cc}]*$/u, "must be a name"))

const SbatchOption = v.pipe(
  v.string(),
  v.regex(/^--?[A-Za-z][^\p{Cc}]*$/u, 'must be one option of sbatch with its value, as in "--constraint=ssd"'),
  v.check((option) => !OWN.test(option), "is decided by datamaestro: leave it out"),
)

/** What Slurm is asked for, and where the phases of the work run. */
export const SlurmOptions = v.looseObject({
  partition: v.optional(text),
  account: v.optional(text),
  time: v.optional(
    v.pipe(v.string(), v.regex(TIME, 'must be a time as Slurm has it, as in "30", "2:00:00" or "1-12"')),
  ),
  memory: v.optional(v.pipe(v.string(), v.regex(MEMORY, 'must be an amount as Slurm has it, as in "8G"'))),
  cpus: v.optional(v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"))),
  /** Most of a job array's tasks that run at once; as many as Slurm allows by default. */
  width: v.optional(v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"))),
  /** Further options of `sbatch`, one an item. */
  options: v.optional(v.array(SbatchOption)),
  /** `login`: downloads are made into the cache before anything is submitted. */
  fetch: v.optional(v.picklist(["login", "slurm"], 'must be "login" or "slurm"')),
  extract: v.optional(v.literal("slurm", 'must be "slurm"; to do all on the login node leave "launcher" out')),
})
export type SlurmOptions = v.InferOutput<typeof SlurmOptions>
