import { checkArgument, checkFields } from "./check-given.ts"
import { COLUMN, COUNT, OBJECT, PATH, TEXT, TEXTS } from "./kinds.ts"
import type { SymbolicPath } from "./path.ts"
import { typed, type DescribedObject } from "./typed-value.ts"

type AtPath = { readonly path: SymbolicPath }

/** @param what the word that the author has used */
function atPath(what: string, type: string, path: SymbolicPath): AtPath {
  checkArgument(what, "path", path, PATH)
  return typed(type, { path })
}

/** A file of whatever format. */
export const rawFile = (path: SymbolicPath): AtPath => atPath("rawFile", "File", path)

/** A text file. */
export const textFile = (path: SymbolicPath): AtPath => atPath("textFile", "TextFile", path)

/** A folder. */
export const folder = (path: SymbolicPath): AtPath => atPath("folder", "Folder", path)

/** A multi-dimensional array in MNIST's IDX format. */
export const idx = (path: SymbolicPath): AtPath => atPath("idx", "IDX", path)

/** Images in MNIST's IDX format: the first dimension counts them. */
export const idxImages = (path: SymbolicPath): AtPath => atPath("idxImages", "IDXImage", path)

/** How to read a table of text. */
export interface CsvOptions {
  /** The row that has the columns' names, from 0; absent: there is none. */
  namesRow?: number
  /** What separates columns; absent: a comma. */
  delimiter?: string
  /** How many lines to skip first. */
  ignore?: number
  /** The column to predict, by name or number. */
  target?: string | number
}

/** The same as it is printed. */
export type CsvFields = {
  readonly path: SymbolicPath
  readonly delimiter?: string
  readonly names_row?: number
  readonly ignore?: number
  readonly target?: string | number
}

/** A table as text, comma separated unless it says otherwise. */
export function csv(path: SymbolicPath, options: CsvOptions = {}): CsvFields {
  return typed("Generic", csvFields("csv", path, options))
}

/** A table of numbers as text, with the column to predict if there is one. */
export function matrix(path: SymbolicPath, options: CsvOptions = {}): CsvFields {
  return typed("Matrix", csvFields("matrix", path, options))
}

function csvFields(what: string, path: SymbolicPath, options: CsvOptions): CsvFields {
  checkArgument(what, "path", path, PATH)
  checkFields("", what, options, { namesRow: COUNT, delimiter: TEXT, ignore: COUNT, target: COLUMN })
  return {
    path,
    ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
    ...(options.namesRow === undefined ? {} : { names_row: options.namesRow }),
    ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    ...(options.target === undefined ? {} : { target: options.target }),
  }
}

/** Images and their labels, in the same order. */
export function labelledImages<I extends DescribedObject, L extends DescribedObject>(parts: {
  images: I
  labels: L
}): { images: I; labels: L } {
  checkFields("", "labelledImages", parts, { images: OBJECT, labels: OBJECT })
  return typed("LabelledImages", { images: parts.images, labels: parts.labels })
}

/** Parts to learn from and to be measured on, each as its type says. */
export function supervised<P extends Parts>(parts: P): P {
  return typedParts("supervised", "Supervised", parts)
}

/** Images in classes: parts made with `labelledImages`. */
export function imageClassification<P extends Parts>(parts: P): P {
  return typedParts("imageClassification", "ImageClassification", parts)
}

/** Running text to train a language model on. */
export function trainingText<P extends Parts>(parts: P): P {
  return typedParts("trainingText", "TrainingText", parts)
}

/** What sets of data are divided into. */
export type Parts = {
  readonly train: DescribedObject
  readonly validation?: DescribedObject
  readonly test?: DescribedObject
}

/** @param what the word that the author has used */
function typedParts<P extends Parts>(what: string, type: string, parts: P): P {
  checkArgument(what, "parts", parts, OBJECT)
  const { train, validation, test } = parts
  checkArgument(what, "train", train, OBJECT)
  checkFields("", what, { validation, test }, { validation: OBJECT, test: OBJECT })
  return typed(type, parts)
}

/** Texts sorted into one folder a class, a file each. */
export function textClassificationFolder(
  path: SymbolicPath,
  classes: readonly string[],
): { readonly path: SymbolicPath; readonly classes: readonly string[] } {
  checkArgument("textClassificationFolder", "path", path, PATH)
  checkArgument("textClassificationFolder", "classes", classes, TEXTS)
  return typed("FolderBased", { path, classes })
}

/** Word vectors as text: a line a word, the word and its numbers separated by blanks. */
export const wordEmbeddings = (path: SymbolicPath): AtPath => atPath("wordEmbeddings", "WordEmbeddingsText", path)
