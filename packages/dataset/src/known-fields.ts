import { DefinitionError } from "./definition-error.ts"

/**
 * In JavaScript nothing else tells of a mistyped field, and a sum or an agreement would be lost with it.
 *
 * @param definition the dataset's id, `""` while it is not known
 * @param what whose fields they are, such as `file`; `""` are those of the definition itself
 * @throws DefinitionError naming one that is not known
 */
export function checkFields<T extends object>(
  definition: string,
  what: string,
  given: T,
  known: Readonly<Record<keyof T, true>>,
): void {
  const options: unknown = given
  if (typeof options !== "object" || options === null) {
    throw new DefinitionError(
      definition,
      what,
      `${JSON.stringify(options) ?? typeof options} is no object with its fields`,
    )
  }
  const odd = Object.keys(given).find((field) => !Object.hasOwn(known, field))
  if (odd === undefined) return
  const names = Object.keys(known).join(", ")
  throw new DefinitionError(definition, what, `there is no field "${odd}": there are ${names}`)
}
