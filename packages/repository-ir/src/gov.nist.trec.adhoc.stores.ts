import { defineDataset, reference, typed, type Described } from "@datamaestro/dataset"

/*
 * The collections as Python datamaestro keeps them to look documents up by their ids. Here they are the documents
 * themselves, whose files have the ids in them.
 */

const PREFIX = "gov.nist.trec.adhoc"

const ofIr = (id: string) => reference({ id, repository: "ir" })

const store = (id: string, name: string, documents: string) =>
  defineDataset({
    id,
    name: `${name} document store`,
    description: `The documents of ${documents}, in the SGML of TREC: a folder with a link to each collection.`,
    tags: ["collection", "document"],
    resources: { DOCUMENTS: ofIr(documents) },
    describe: ({ DOCUMENTS }) => typed("TipsterDocumentStore", { path: DOCUMENTS.path }),
  })

const withStore = (id: string, name: string, documents: string) =>
  defineDataset({
    id: `${PREFIX}.${id}.withstore`,
    name: `${name} (with store)`,
    description: `The test collection of ${name}: documents as ${documents} has them, topics, and which documents answer them.`,
    tasks: ["adhoc retrieval"],
    resources: { DOCUMENTS: ofIr(documents), BASE: ofIr(`${PREFIX}.${id}`) },
    describe: ({ DOCUMENTS, BASE }) => {
      const { topics = null, assessments = null } = BASE.value as Readonly<Record<string, Described>>
      return typed("Adhoc", { documents: DOCUMENTS.value, topics, assessments })
    },
  })

const ofRound = (round: number): string => `${PREFIX}.${round}.documents.store`

/** Which round's documents each round searched. */
const SEARCHED = { 1: 1, 2: 1, 3: 1, 4: 4, 5: 5, 6: 6, 7: 7, 8: 7 }

export const datasets = [
  ...[1, 4, 5, 6, 7].map((round) => store(ofRound(round), `TREC-${round} ad hoc`, `${PREFIX}.${round}.documents`)),
  store("edu.upenn.ldc.aquaint.store", "AQUAINT", "edu.upenn.ldc.aquaint"),
  ...Object.entries(SEARCHED).map(([round, documents]) => withStore(round, `TREC-${round} ad hoc`, ofRound(documents))),
  withStore("robust.2004", "TREC Robust 2004", ofRound(7)),
  withStore("robust.2005", "TREC Robust 2005", "edu.upenn.ldc.aquaint.store"),
]
