/**
 * A resource's name in `.state.json`: its key in snake_case (`trainImages` is `train_images`). A key that has an
 * underscore or no lower-case letter is no camelCase and stays.
 */
export function stateName(key: string): string {
  const ascii = /^[\w.-]*$/.test(key)
  if (key.includes("_") || !(ascii ? /[a-z]/ : /\p{Ll}/u).test(key)) return key
  const borders = ascii
    ? /(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g
    : /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu
  return key.replace(borders, "_").toLowerCase()
}
