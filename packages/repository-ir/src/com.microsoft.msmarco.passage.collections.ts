import { defineDataset, reference, step, typed } from "@datamaestro/dataset"
import { writeFile } from "node:fs/promises"
import { judgedQueries } from "./judged-queries.ts"
import { AGREEMENT } from "./msmarco.ts"
import { words } from "./names.ts"
import { adhoc, topics } from "./retrieval.ts"

/*
 * The test collections made of the passages, queries and judgements. The passages, with the queries and judgements of
 * the small parts, come in one archive, which `text` has.
 */

const PREFIX = "com.microsoft.msmarco.passage"
const HOMEPAGE = "https://github.com/microsoft/MSMARCO-Passage-Ranking"
const RANKING = ["adhoc retrieval"]
const RERANKING = ["adhoc retrieval", "learning to rank"]

const facts = (id: string, url: string, description: string) => ({
  id: `${PREFIX}.${id}`,
  name: `MS MARCO passages: ${id.replaceAll(".", " ")}`,
  description,
  url,
  agreement: AGREEMENT,
})
const ofText = (id: string) => reference({ id: `${PREFIX}.${id}`, repository: "text" })
const ofIr = (id: string) => reference({ id: `${PREFIX}.${id}`, repository: "ir" })

const documents = defineDataset({
  id: `${PREFIX}.documents`,
  name: "MS MARCO passages: documents",
  description: "The 8.8 million passages of MS MARCO, one a line: id and text.",
  agreement: AGREEMENT,
  tags: ["collection", "passage"],
  size: "2.9GB",
  resources: { data: ofText("collection.etc") },
  describe: ({ data }) => typed("MsMarcoPassagesStore", { path: data.path.join("collection.tsv"), count: 8_841_823 }),
})

const collection = (id: string, url: string, queries: string) =>
  defineDataset({
    ...facts(id, url, `MS MARCO's passages, ${queries}, and which passages answer them.`),
    tasks: RANKING,
    resources: { COLLECTION: reference(documents), TOPICS: ofIr(`${id}.queries`), QRELS: ofIr(`${id}.qrels`) },
    describe: ({ COLLECTION, TOPICS, QRELS }) =>
      adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
  })

type Collection = ReturnType<typeof collection>

const withRun = (id: string, url: string, of: Collection, queries: string) =>
  defineDataset({
    ...facts(`${id}.withrun`, url, `MS MARCO's passages, ${queries}, and for each the passages to be ranked anew.`),
    tasks: RERANKING,
    resources: { of: reference(of), RUN: ofIr(`${id}.run`) },
    describe: ({ of: { value }, RUN }) => typed("RerankAdhoc", { ...value, run: RUN.value }),
  })

const judged = (id: string, url: string, queries: string) =>
  defineDataset({
    ...facts(
      `${id}.judged`,
      url,
      `MS MARCO's passages, and of ${queries} those that were judged, with the judgements.`,
    ),
    tasks: RANKING,
    resources: {
      COLLECTION: reference(documents),
      TOPICS: ofIr(`${id}.queries`),
      QRELS: ofIr(`${id}.qrels`),
      JUDGED_QIDS: judgedQueries("QRELS", "judged_qids.txt"),
    },
    describe: ({ COLLECTION, TOPICS, QRELS, JUDGED_QIDS }) => {
      const some = typed("FilteredTopics", { topics: [TOPICS.value], qids_path: JUDGED_QIDS })
      return adhoc({ documents: COLLECTION.value, topics: some, assessments: QRELS.value })
    },
  })

const small = defineDataset({
  ...facts(
    "dev.small",
    HOMEPAGE,
    "MS MARCO's passages, the 6 980 queries of the small development set, and what answers them.",
  ),
  tasks: RANKING,
  resources: {
    COLLECTION: reference(documents),
    TOPICS: ofText("dev.small.queries"),
    QRELS: ofText("dev.small.qrels"),
  },
  describe: ({ COLLECTION, TOPICS, QRELS }) =>
    adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
})

const smallEvaluation = defineDataset({
  ...facts(
    "eval.queries.small",
    HOMEPAGE,
    "The 6 837 queries of the small evaluation set: id and text. What answers them is not public.",
  ),
  tags: ["topics"],
  resources: { data: ofText("collection.etc") },
  describe: ({ data }) => topics(data.path.join("queries.eval.small.tsv")),
})

const HARD = `
  1049519 1056204 1056416 1065636 1103153 1103812 1105792 1106007 1108100 1108939 1109707 1112341 1114646
  1117817 1133485 1136769 144862 166046 174463 177604 182539 190044 19335 264403 273695 315637 332593 443396
  451602 47923 489204 507445 527433 537817 554515 588587 655914 67316 673670 705609 730539 794429 801118 86606
  87452 877809 883915 88495 915593 966413
`

const hard = defineDataset({
  ...facts(
    "trec.dl.hard",
    "https://github.com/grill-lab/DL-Hard",
    "DL-Hard: the 50 queries of TREC's Deep Learning tracks of 2019 and 2020 that systems find hard, some judged anew.",
  ),
  tasks: RANKING,
  resources: {
    COLLECTION: reference(documents),
    TOPICS_2019: ofIr("trec2019.queries"),
    TOPICS_2020: ofIr("trec2020.queries"),
    QRELS: ofIr("trec.dl.hard.qrels"),
    hard_qids: step({
      from: [],
      name: "hard_qids.txt",
      run: ({ output }) => writeFile(output, `${words(HARD).join("\n")}\n`),
    }),
  },
  describe: ({ COLLECTION, TOPICS_2019, TOPICS_2020, QRELS, hard_qids }) => {
    const some = typed("FilteredTopics", { topics: [TOPICS_2019.value, TOPICS_2020.value], qids_path: hard_qids })
    return adhoc({ documents: COLLECTION.value, topics: some, assessments: QRELS.value })
  },
})

const track = (year: number): string => `https://microsoft.github.io/msmarco/TREC-Deep-Learning-${year}.html`
const ofTrack = (year: number): string => `the 200 test queries of TREC's Deep Learning track of ${year}`

const train = collection("train", HOMEPAGE, "the training queries")
const dev = collection("dev", HOMEPAGE, "the development queries")

export const datasets = [
  documents,
  train,
  withRun("train", HOMEPAGE, train, "the training queries"),
  dev,
  withRun("dev", HOMEPAGE, dev, "the development queries"),
  judged("dev", HOMEPAGE, "the development queries"),
  small,
  smallEvaluation,
  hard,
  ...[2019, 2020].flatMap((year) => {
    const id = `trec${year}`
    const whole = collection(id, track(year), ofTrack(year))
    return [whole, withRun(id, track(year), whole, ofTrack(year)), judged(id, track(year), ofTrack(year))]
  }),
]
