import { DatamaestroError } from "@datamaestro/protocol"
import type { Prompter } from "../transport/prompter.ts"

/** For programs: there is nobody to ask. */
export const silentPrompter: Prompter = {
  available: false,
  async ask() {
    throw new DatamaestroError("USAGE", "Cannot ask: there is no terminal")
  },
}
