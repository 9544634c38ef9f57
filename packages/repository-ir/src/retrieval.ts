import { typed, type DescribedObject, type SymbolicPath } from "@datamaestro/dataset"

/*
 * The data types of information retrieval. Topics are what is searched for, documents where, and assessments (qrels)
 * say which document answers which topic; a run is a ranking that a system made.
 */

type AtPath = { readonly path: SymbolicPath }

/** Topics as a table: their number and their words. */
export const topics = (path: SymbolicPath): AtPath => typed("Topics", { path })

/** Topics in the SGML of TREC; `parts` of each that are meant to be searched with. */
export function trecTopics(
  path: SymbolicPath,
  parts: readonly string[],
): { readonly path: SymbolicPath; readonly parts: readonly string[] } {
  return typed("TrecTopics", { path, parts })
}

/** Assessments in TREC's format: topic, iteration, document, relevance. */
export const assessments = (path: SymbolicPath): AtPath => typed("TrecAdhocAssessments", { path })

/** A run in TREC's format. */
export const run = (path: SymbolicPath): AtPath => typed("TrecAdhocRun", { path })

/** A run with the texts of topics and documents in it. */
export const runWithText = (path: SymbolicPath): AtPath => typed("AdhocRunWithText", { path })

/** Documents in the SGML of TREC, in the files that the patterns match. */
export function tipsterDocuments(
  path: SymbolicPath,
  patterns: readonly string[],
): { readonly path: SymbolicPath; readonly patterns: readonly string[] } {
  return typed("TipsterCollection", { path, patterns })
}

/** A test collection: documents, topics to search for, and which documents answer them. */
export function adhoc<D extends DescribedObject, T extends DescribedObject, A extends DescribedObject>(parts: {
  documents: D
  topics: T
  assessments: A
}): { documents: D; topics: T; assessments: A } {
  return typed("Adhoc", { documents: parts.documents, topics: parts.topics, assessments: parts.assessments })
}
