/** A content's name is unique per owner; the last sign is allowed since newer clients use it. Source: publisher-api 1.9, code 5. */
const CONTENT_NAME = /^[A-Za-z0-9_.-]{3,64}$/

export function isContentName(text: string): boolean {
  return CONTENT_NAME.test(text)
}

/** For clients that leave the naming to us. random: at least 8 letters and digits. */
export function generatedContentName(random: string): string {
  return `content-${random.slice(0, 8).toLowerCase()}`
}
