import { DatamaestroError } from "@datamaestro/protocol"
import { LIBRARIES, type BootArguments } from "./boot-protocol.ts"
import { FIND_NODE_SCRIPT } from "./find-node-script.ts"
import { isQuotable, quoteWord } from "./quote-word.ts"
import type { RememberedHost } from "./remembered-host.ts"

/** The bootstrap as JavaScript for `node -e`: base64, since `!` and backslashes don't pass every shell. */
export function loader(bootstrap: string): string {
  return `eval(require("zlib").inflateRawSync(Buffer.from("${bootstrap}","base64")).toString())`
}

export function encodeArguments(boot: BootArguments): string {
  return Buffer.from(JSON.stringify(boot)).toString("base64")
}

/** Leaves out what start-up files want of Node, while it is what no Node starts with. */
const WITHOUT_OPTIONS =
  'if [ "$NODE_OPTIONS" = "$4" ]; then unset NODE_OPTIONS; DATAMAESTRO_LEFT_OUT=$4; export DATAMAESTRO_LEFT_OUT; fi; exec "$1" -e "$2" "$3"'

/** What a Node is started with. */
export type NodeStart = Pick<RememberedHost, "execPath" | "leftOut" | "libraries">

/** The command of a warm call: Node is where it was the last time, and what it needs, or had to be left out, as it was. */
export function warmCommand(
  { execPath, leftOut, libraries }: NodeStart,
  bootstrap: string,
  boot: BootArguments,
): string {
  const [node, code, given] = [nodeWord(execPath), quoteWord(loader(bootstrap)), encodeArguments(boot)]
  const exec =
    libraries === undefined || !isQuotable(libraries)
      ? "exec"
      : `exec /usr/bin/env ${quoteWord(`LD_LIBRARY_PATH=${libraries}`)} ${quoteWord(`${LIBRARIES}=${libraries}`)}`
  if (leftOut === undefined || !isQuotable(leftOut)) return `${exec} ${node} -e ${code} ${given}`
  return `${exec} /bin/sh -c ${quoteWord(WITHOUT_OPTIONS)} sh ${node} ${code} ${given} ${quoteWord(leftOut)}`
}

/**
 * The command of a first call: looks for Node (`auto`, or a path), then goes on as the warm one.
 *
 * @param broken paths of those that are not to be taken
 */
export function coldCommand(node: string, bootstrap: string, boot: BootArguments, broken: string[] = []): string {
  const words = [quoteWord(FIND_NODE_SCRIPT), "sh", quoteWord(loader(bootstrap)), encodeArguments(boot), nodeWord(node)]
  if (broken.length > 0) words.push(quoteWord(`:${broken.join(":")}:`))
  return `exec /bin/sh -c ${words.join(" ")}`
}

function nodeWord(node: string): string {
  try {
    return quoteWord(node)
  } catch (error) {
    throw new DatamaestroError(
      "USAGE",
      `Cannot use Node at "${node}": the path holds a character that not every shell can quote`,
      {
        hint: "make a link to it with a plain name, and name that with --node",
        cause: error,
      },
    )
  }
}
