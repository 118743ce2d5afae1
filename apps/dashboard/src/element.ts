type Child = Node | string | null | undefined | false

type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void)>>

/**
 * An element with attributes and children. Text always becomes a text node, so nothing that a publisher wrote is read as markup.
 * A function as attribute is a listener (`onclick`); true is an attribute without value; false leaves it out.
 */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(key.replace(/^on/, ''), value)
    else if (value === true) made.setAttribute(key, '')
    else if (value !== false) made.setAttribute(key, value)
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) made.append(child)
  }
  return made
}
