// Elements, made and found in one line. Text is always text, never markup: names come from other players.

type Child = Node | string | null;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const child of children) if (child !== null) made.append(child);
  return made;
}

/** Markup of our own making. */
export function icon(markup: string): HTMLElement {
  const made = el('span', 'icon');
  made.innerHTML = markup;
  return made;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
