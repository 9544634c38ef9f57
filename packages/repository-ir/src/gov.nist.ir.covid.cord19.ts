import { csv, defineDataset, file, md5, reference, typed } from "@datamaestro/dataset"
import { adhoc, assessments, topics } from "./retrieval.ts"

const PREFIX = "gov.nist.ir.covid.cord19.round5"
const AGREEMENT = { id: "ai2.cord19" }

const metadata = defineDataset({
  id: `${PREFIX}.metadata`,
  name: "CORD-19 metadata (2020-07-16)",
  description:
    "Titles, abstracts and sources of 192 509 papers on coronaviruses, in the state that the fifth round of TREC-COVID searched; a CSV file with a header.",
  url: "https://ir.nist.gov/covidSubmit/index.html",
  tags: ["collection"],
  agreement: AGREEMENT,
  resources: {
    DATA: file("https://ai2-semanticscholar-cord-19.s3-us-west-2.amazonaws.com/2020-07-16/metadata.csv", {
      name: "data.csv",
      integrity: md5("80d664e496b8b7e50a39c6f6bb92e0ef"),
      size: 269_219_095,
    }),
  },
  describe: ({ DATA }) => typed("Documents", { ...csv(DATA, { namesRow: 0 }), count: 192_509 }),
})

const round5Topics = defineDataset({
  id: `${PREFIX}.topics`,
  name: "TREC-COVID round 5 topics",
  description:
    "The 50 questions about COVID-19 of TREC-COVID's fifth round, each as words, question and narrative; XML.",
  tags: ["topics"],
  resources: {
    DATA: file("https://ir.nist.gov/covidSubmit/data/topics-rnd5.xml", {
      name: "data.xml",
      integrity: md5("0307a37b6b9f1a5f233340a769d538ea"),
      size: 18_707,
    }),
  },
  describe: ({ DATA }) => topics(DATA),
})

const qrels = defineDataset({
  id: `${PREFIX}.assessments`,
  name: "TREC-COVID round 5 qrels",
  description: "Which papers answer the questions of TREC-COVID: the judgements of all five rounds together.",
  tags: ["qrels"],
  resources: {
    DATA: file("https://ir.nist.gov/covidSubmit/data/qrels-covid_d5_j0.5-5.txt", {
      name: "data.ssv",
      integrity: md5("8138424a59daea0aba751c8a891e5f54"),
      size: 1_142_244,
    }),
  },
  describe: ({ DATA }) => assessments(DATA),
})

const round5 = defineDataset({
  id: PREFIX,
  name: "TREC-COVID round 5",
  description: "The test collection of TREC-COVID's last round: papers on coronaviruses, questions, and judgements.",
  url: "https://ir.nist.gov/covidSubmit/data.html",
  tasks: ["adhoc retrieval"],
  agreement: AGREEMENT,
  resources: { COLLECTION: reference(metadata), TOPICS: reference(round5Topics), QRELS: reference(qrels) },
  describe: ({ COLLECTION, TOPICS, QRELS }) =>
    adhoc({ documents: COLLECTION.value, topics: TOPICS.value, assessments: QRELS.value }),
})

export const datasets = [metadata, round5Topics, qrels, round5]
