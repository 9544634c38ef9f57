import {
  datafolderPath,
  defineDataset,
  linkFolder,
  typed,
  type DescribedObject,
  type SymbolicPath,
} from "@datamaestro/dataset"

const PREFIX = "gov.nist.trec.wapo"

const wapo = (
  version: "v2" | "v4",
  part: "documents" | "passages",
  what: string,
  tag: string,
  value: (path: SymbolicPath) => DescribedObject,
) =>
  defineDataset({
    id: `${PREFIX}.wapo.${version}.${part}`,
    name: `Washington Post ${version}${part === "passages" ? " paragraphs" : ""}`,
    description: `${what} of the Washington Post that NIST collected (${version}), in files of JSON lines. They are licensed by NIST and not for download: have them in a folder of the data machine.`,
    url: "https://trec.nist.gov/data/wapost/",
    tags: ["collection", tag],
    resources: { documents: linkFolder(datafolderPath(`${PREFIX}.${version}`)) },
    describe: ({ documents }) => value(documents),
  })

export const datasets = [
  wapo("v2", "documents", "The 608 180 articles", "document", (path) =>
    typed("WapoDocumentStore", { path, count: 608_180 }),
  ),
  wapo("v2", "passages", "The articles, with their paragraphs,", "passage", (path) =>
    typed("WapoPassageStore", { path }),
  ),
  wapo("v4", "documents", "The articles", "document", (path) => typed("KiltDocumentStore", { path })),
]
