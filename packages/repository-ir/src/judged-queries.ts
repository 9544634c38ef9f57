import { step, type StepResource } from "@datamaestro/dataset"
import { createReadStream } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"

/**
 * The ids of the queries that somebody judged answers for, one a line, in the order of the judgements.
 *
 * @param from the resource with the judgements: a table whose first column is the query
 * @param member the table's path inside of it; then it is one of BEIR, with a line of names first
 */
export function judgedQueries(from: string, name: string, member?: string): StepResource {
  return step({
    from: [from],
    name,
    async run({ input, output, signal }) {
      const path = member === undefined ? (input[from] ?? "") : join(input[from] ?? "", member)
      const ids = new Set<string>()
      let first = member !== undefined
      for await (const line of createInterface({ input: createReadStream(path, { signal }), crlfDelay: Infinity })) {
        const id = line.split(/\s/, 1)[0] ?? ""
        if (!first && id !== "") ids.add(id)
        first = false
      }
      await writeFile(output, [...ids].map((id) => `${id}\n`).join(""), { signal })
    },
  })
}
