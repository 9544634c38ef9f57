import { defineDataset, file, md5, tar, typed, type Sum, type SymbolicPath } from "@datamaestro/dataset"
import { assessments, run, runWithText, topics } from "./retrieval.ts"

/** What everything of MS MARCO may be used for: research, not commerce. */
export const AGREEMENT = { id: "net.windows.msmarco", url: "http://www.msmarco.org/dataset.aspx" }

/** Where Microsoft serves the sets since the blob storage refuses the public. */
export const HOST = "https://msmarco.z22.web.core.windows.net/msmarcoranking"

const NIST = "https://trec.nist.gov/data/deep"

/** What one dataset of the family says of itself; the id without its prefix. */
export interface Facts {
  id: string
  description: string
  url?: string
  size?: string
  tasks?: readonly string[]
}

interface Published {
  /** On the family's host, or a whole URL. */
  url: string
  /** MD5 of what is downloaded. */
  md5: string
  /** MD5 of it once it is decompressed, where that is known. */
  output?: string
  bytes: number
}

/** What the datasets below one prefix have in common. */
export function msmarco(prefix: string, title: string) {
  const common = ({ id, ...facts }: Facts, tag: string) => ({
    ...facts,
    id: `${prefix}.${id}`,
    name: `${title}: ${id.replaceAll(".", " ")}`,
    tags: [tag],
    agreement: AGREEMENT,
  })

  return {
    /** Queries, one a line: id and text. */
    queries: (facts: Facts, published: Published) =>
      defineDataset({
        ...common(facts, "topics"),
        resources: { QUERIES: publishedFile(published, "queries.tsv") },
        describe: ({ QUERIES }) => topics(QUERIES),
      }),
    /** Queries that are one member of the archive with those of all parts. */
    archivedQueries: (facts: Facts, member: string) =>
      defineDataset({
        ...common(facts, "topics"),
        resources: {
          queries: tar(`${HOST}/queries.tar.gz`, {
            integrity: md5("c177b2795d5f2dcc524cf00fcd973be1"),
            size: 18_882_551,
            files: [member],
          }),
        },
        describe: ({ queries }) => topics(queries.join(member)),
      }),
    qrels: (facts: Facts, published: Published, name = "qrels.tsv") =>
      defineDataset({
        ...common(facts, "qrels"),
        resources: { QRELS: publishedFile(published, name) },
        describe: ({ QRELS }) => assessments(QRELS),
      }),
    /** A run in TREC's format, without texts. */
    run: (facts: Facts, published: Published, name: string) =>
      defineDataset({
        ...common(facts, "run"),
        resources: { RUN: publishedFile(published, name) },
        describe: ({ RUN }) => run(RUN),
      }),
    /** A run with the texts of queries and passages: query id, passage id, query, passage. */
    runWithText: (facts: Facts, published: Published) =>
      defineDataset({
        ...common(facts, "run"),
        resources: { RUN: publishedFile(published, "run.tsv") },
        describe: ({ RUN }) => runWithText(RUN),
      }),
    /** The same, as the only member of an archive. */
    archivedRun: (facts: Facts, published: Published, member: string) =>
      defineDataset({
        ...common(facts, "run"),
        resources: {
          run: tar(onHost(published.url), { integrity: md5(published.md5), size: published.bytes, files: [member] }),
        },
        describe: ({ run: extracted }) => runWithText(extracted.join(member)),
      }),
  }
}

/** Triples to train with: a query, a passage that answers it, one that does not; each as its id or as its text. */
export function triples(path: SymbolicPath, ids: boolean) {
  return typed("TrainingTripletsLines", { path, doc_ids: ids, topic_ids: ids })
}

/** Judgements that NIST keeps, by their file's name there. */
export const ofNist = (name: string, sum: string, bytes: number): Published => ({
  url: `${NIST}/${name}`,
  md5: sum,
  bytes,
})

/** A file to download, gunzipped where its name says so, with the sums of both sides. */
export function publishedFile({ url, md5: download, output, bytes }: Published, name: string) {
  const sums: Sum[] = [md5(download, "download"), ...(output === undefined ? [] : [md5(output)])]
  return file(onHost(url), { name, integrity: sums, size: bytes })
}

function onHost(url: string): string {
  return url.includes("://") ? url : `${HOST}/${url}`
}
