import { NotList, parseJsonDocument } from "@datamaestro/protocol"
import { dirname, join } from "node:path"
import * as v from "valibot"
import { readSettingsText } from "./settings-text.ts"

/** Agreement id to the SHA-256, in hex, of the text that was accepted; only of those that have one. */
export const AgreementTexts = v.pipe(NotList, v.record(v.string(), v.string()))
export type AgreementTexts = v.InferOutput<typeof AgreementTexts>

/** A file of its own beside `user.json`: Python's datamaestro refuses that one with any key but `agreements`. */
export function agreementTextsPath(userSettings: string): string {
  return join(dirname(userSettings), "agreement-texts.json")
}

/** @throws DatamaestroError MALFORMED_SETTINGS with line and column, PERMISSION_DENIED, STORAGE_FAILED */
export function readAgreementTexts(path: string): AgreementTexts {
  const text = readSettingsText(path)
  return text === undefined ? {} : parseJsonDocument(text, path, AgreementTexts)
}
