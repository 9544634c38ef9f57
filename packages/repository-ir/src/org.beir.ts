import { defineDataset, folder, md5, reference, typed, zip, type SymbolicPath } from "@datamaestro/dataset"
import { judgedQueries } from "./judged-queries.ts"
import { adhoc } from "./retrieval.ts"

const PREFIX = "org.beir"
const HOST = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets"
const FACTS = { url: "https://github.com/beir-cellar/beir", tasks: ["adhoc retrieval"] }

const archive = (name: string, sum: string, size: number, into?: string) =>
  zip(name.includes("://") ? name : `${HOST}/${name}.zip`, {
    integrity: md5(sum),
    size,
    ...(into === undefined ? {} : { into }),
  })

/** Documents, queries and judgements lie in every archive under the same names. */
const documents = (data: SymbolicPath): { path: SymbolicPath } =>
  typed("BeirDocumentStore", { path: data.join("corpus.jsonl") })
const queries = (data: SymbolicPath): { path: SymbolicPath } =>
  typed("BeirTopics", { path: data.join("queries.jsonl") })
const judgements = (data: SymbolicPath, part: string): { path: SymbolicPath } =>
  typed("BeirAssessments", { path: data.join(`qrels/${part}.tsv`) })
const tested = (data: SymbolicPath) =>
  adhoc({ documents: documents(data), topics: queries(data), assessments: judgements(data, "test") })

const whole = (id: string, name: string, what: string, file: string, sum: string, size: number) =>
  defineDataset({
    ...FACTS,
    id: `${PREFIX}.${id}`,
    name: `BEIR ${name}`,
    description: `${what}, a set of BEIR: documents and queries as JSON lines, and which documents answer which query.`,
    resources: { data: archive(file, sum, size) },
    describe: ({ data }) => tested(data),
  })

const PARTS = { train: "training", dev: "development", test: "test" }
type Part = keyof typeof PARTS

/** A set with several parts: what they share, and each part with the queries that were judged for it. */
function inParts(id: string, name: string, parts: readonly Part[], file: string, sum: string, size: number) {
  const steps = parts.map(
    (part) =>
      [
        `JUDGED_QIDS_${part.toUpperCase()}`,
        judgedQueries("data", `judged_qids_${part}.txt`, `qrels/${part}.tsv`),
      ] as const,
  )
  const collection = defineDataset({
    id: `${PREFIX}.${id}.collection`,
    name: `BEIR ${name} collection`,
    description: `The documents of ${name} in BEIR, as JSON lines, with the queries and judgements of all its parts.`,
    tags: ["collection", "document"],
    resources: { data: archive(file, sum, size), ...Object.fromEntries(steps) },
    describe: ({ data }) => documents(data),
  })
  const part = (each: Part) =>
    defineDataset({
      ...FACTS,
      id: `${PREFIX}.${id}.${each}`,
      name: `BEIR ${name} ${each}`,
      description: `The ${PARTS[each]} part of ${name} in BEIR: documents, queries, and which documents answer which query.`,
      resources: { COLLECTION: reference(collection) },
      describe: ({ COLLECTION }) => {
        const { data, [`JUDGED_QIDS_${each.toUpperCase()}`]: judged } = COLLECTION.resources as Record<
          string,
          SymbolicPath
        >
        if (data === undefined || judged === undefined) throw new Error(`${name} has no part "${each}"`)
        const topics = typed("FilteredTopics", { topics: [queries(data)], qids_path: judged })
        return adhoc({ documents: COLLECTION.value, topics, assessments: judgements(data, each) })
      },
    })
  return [collection, ...parts.map(part)]
}

/** The archive with all forums, which each of them would fetch anew; not beside their own folders, whose names it has. */
const cqadupstack = defineDataset({
  ...FACTS,
  id: `${PREFIX}.cqadupstack`,
  name: "BEIR CQADupStack (all forums)",
  description:
    "The twelve forums of CQADupStack in BEIR, a folder each: questions, and which of them were asked before.",
  resources: { data: archive("cqadupstack", "4e41456d7df8ee7760a7f866133bda78", 5_343_728_040, "forums") },
  describe: ({ data }) => folder(data),
})

const forum = (name: string) =>
  defineDataset({
    ...FACTS,
    id: `${PREFIX}.cqadupstack.${name}`,
    name: `BEIR CQADupStack ${name}`,
    description: `The forum "${name}" of CQADupStack in BEIR: questions as JSON lines, and which of them were asked before.`,
    resources: { all: reference(cqadupstack) },
    describe: ({ all }) => tested(all.path.join(name)),
  })

const FORUMS = "android english gaming gis mathematica physics programmers stats tex unix webmasters wordpress".split(
  " ",
)

export const datasets = [
  whole(
    "trec.covid",
    "TREC-COVID",
    "Articles on COVID-19",
    "trec-covid",
    "ce62140cb23feb9becf6270d0d1fe6d1",
    73_876_720,
  ),
  whole("nq", "NQ", "Questions to Google and Wikipedia", "nq", "d4d3d2e48787a744b6f6e691ff534307", 498_307_926),
  whole(
    "arguana",
    "ArguAna",
    "Arguments and their counter-arguments",
    "arguana",
    "8ad3e3c2a5867cdced806d6503f29b99",
    3_773_617,
  ),
  whole(
    "webis.touche2020",
    "Touché-2020",
    "Arguments on controversial questions",
    "https://macavaney.us/beir-webis-touche2020-v1.zip",
    "5ec7f8b18481fc2e9b3964ad1b22dd28",
    227_137_373,
  ),
  whole(
    "webis.touche2020.v2",
    "Touché-2020 v2",
    "Arguments on controversial questions, judged anew",
    "webis-touche2020",
    "46f650ba5a527fc69e0a6521c5a23563",
    227_132_363,
  ),
  whole(
    "climate.fever",
    "Climate-FEVER",
    "Claims on the climate and Wikipedia",
    "climate-fever",
    "8b66f0a9126c521bae2bde127b4dc99d",
    1_228_666_652,
  ),
  whole(
    "scidocs",
    "SCIDOCS",
    "Scientific articles and what they cite",
    "scidocs",
    "38121350fc3a4d2f48850f6aff52e4a9",
    142_471_588,
  ),
  ...inParts(
    "nfcorpus",
    "NFCorpus",
    ["train", "dev", "test"],
    "nfcorpus",
    "a89dba18a62ef92f7d323ec890a0d38d",
    2_448_432,
  ),
  ...inParts(
    "hotpotqa",
    "HotpotQA",
    ["train", "dev", "test"],
    "hotpotqa",
    "f412724f78b0d91183a0e86805e16114",
    654_025_350,
  ),
  ...inParts("fiqa", "FiQA-2018", ["train", "dev", "test"], "fiqa", "17918ed23cd04fb15047f73e6c3bd9d9", 17_948_027),
  ...inParts("quora", "Quora", ["dev", "test"], "quora", "18fb154900ba42a600f84b839c173167", 15_853_968),
  ...inParts(
    "dbpedia.entity",
    "DBpedia-Entity",
    ["dev", "test"],
    "dbpedia-entity",
    "c2a39eb420a3164af735795df012ac2c",
    639_285_131,
  ),
  ...inParts("fever", "FEVER", ["train", "dev", "test"], "fever", "5a818580227bfb4b35bb6fa46d9b6c03", 1_236_988_269),
  ...inParts("scifact", "SciFact", ["train", "test"], "scifact", "5f7d1de60b170fc8027bb7898e2efca1", 2_816_079),
  cqadupstack,
  ...FORUMS.map(forum),
]
