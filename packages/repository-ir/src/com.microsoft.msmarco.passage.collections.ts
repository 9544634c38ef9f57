import { defineDataset, reference, typed } from "@datamaestro/dataset"
import { AGREEMENT } from "./msmarco.ts"
import { adhoc, topics } from "./retrieval.ts"

/*
 * The test collections made of the passages, queries and judgements. The passages, with the queries and judgements of
 * the small parts, come in one archive, which `text` has.
 */

const PREFIX = "com.microsoft.msmarco.passage"
const RERANKING = ["adhoc retrieval", "learning to rank"]

const facts = (id: string, description: string) => ({
  id: `${PREFIX}.${id}`,
  name: `MS MARCO passages: ${id.replaceAll(".", " ")}`,
  description,
  url: "https://github.com/microsoft/MSMARCO-Passage-Ranking",
  agreement: AGREEMENT,
})
const ofText = (id: string) => reference({ id: `${PREFIX}.${id}`, repository: "text" })
const ofIr = (id: string) => reference({ id: `${PREFIX}.${id}`, repository: "ir" })

const collection = (id: string, part: string) =>
  defineDataset({
    ...facts(id, `MS MARCO's passages, the ${part} queries, and which passages answer them.`),
    tasks: ["adhoc retrieval"],
    resources: { COLLECTION: ofText("collection"), TOPICS: ofIr(`${id}.queries`), QRELS: ofIr(`${id}.qrels`) },
    describe: ({ COLLECTION, TOPICS, QRELS }) =>
      adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
  })

const train = collection("train", "training")
const dev = collection("dev", "development")

const small = defineDataset({
  ...facts("dev.small", "MS MARCO's passages, the 6 980 queries of the small development set, and what answers them."),
  tasks: ["adhoc retrieval"],
  resources: {
    COLLECTION: ofText("collection"),
    TOPICS: ofText("dev.small.queries"),
    QRELS: ofText("dev.small.qrels"),
  },
  describe: ({ COLLECTION, TOPICS, QRELS }) =>
    adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
})

const trainWithRun = defineDataset({
  ...facts("train.withrun", "The training collection with the passages that BM25 ranks first, to be ranked anew."),
  tasks: RERANKING,
  resources: { TRAIN: reference(train), RUN: ofIr("train.run") },
  describe: ({ TRAIN, RUN }) => typed("RerankAdhoc", { ...TRAIN.value, run: RUN.value }),
})

const devWithRun = defineDataset({
  ...facts("dev.withrun", "The development collection with the passages that BM25 ranks first, to be ranked anew."),
  tasks: RERANKING,
  resources: { DEV: reference(dev), RUN: ofIr("dev.run") },
  describe: ({ DEV, RUN }) => typed("RerankAdhoc", { ...DEV.value, run: RUN.value }),
})

const smallEvaluation = defineDataset({
  ...facts(
    "eval.queries.small",
    "The 6 837 queries of the small evaluation set: id and text. What answers them is not public.",
  ),
  tags: ["topics"],
  resources: { COLLECTION: ofText("collection.etc") },
  describe: ({ COLLECTION }) => topics(COLLECTION.path.join("queries.eval.small.tsv")),
})

export const datasets = [train, trainWithRun, dev, devWithRun, small, smallEvaluation]
