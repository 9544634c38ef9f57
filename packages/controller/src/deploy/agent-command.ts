import { DatamaestroError } from "@datamaestro/protocol"
import type { BootArguments } from "./boot-protocol.ts"
import { FIND_NODE_SCRIPT } from "./find-node-script.ts"
import { quoteWord } from "./quote-word.ts"

/** The bootstrap as JavaScript for `node -e`: base64, since `!` and backslashes don't pass every shell. */
export function loader(bootstrap: string): string {
  return `eval(require("zlib").inflateRawSync(Buffer.from("${bootstrap}","base64")).toString())`
}

export function encodeArguments(boot: BootArguments): string {
  return Buffer.from(JSON.stringify(boot)).toString("base64")
}

/** The command of a warm call: Node is where it was the last time. */
export function warmCommand(node: string, bootstrap: string, boot: BootArguments): string {
  return ["exec", nodeWord(node), "-e", quoteWord(loader(bootstrap)), encodeArguments(boot)].join(" ")
}

/** The command of a first call: looks for Node (`auto`, or a path), then goes on as the warm one. */
export function coldCommand(node: string, bootstrap: string, boot: BootArguments): string {
  const words = [quoteWord(FIND_NODE_SCRIPT), "sh", quoteWord(loader(bootstrap)), encodeArguments(boot), nodeWord(node)]
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
