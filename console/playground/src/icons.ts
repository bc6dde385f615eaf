// Icons: small pictures of items, as SVG made in code. An item that is not known here shows its first
// letters.

const svg = (body: string): string => `<svg viewBox="0 0 32 32" aria-hidden="true">${body}</svg>`;
const stone = (fill: string, edge: string): string =>
  svg(
    `<path d="M5 21l4-11 8-4 9 6 2 9-6 5H9z" fill="${fill}"/><path d="M9 10l8-4 3 8-8 4z" fill="${edge}"/>`,
  );
const ore = (spot: string): string =>
  svg(`<path d="M5 21l4-11 8-4 9 6 2 9-6 5H9z" fill="#777a80"/><circle cx="12" cy="14" r="3" fill="${spot}"/>
    <circle cx="20" cy="12" r="2.4" fill="${spot}"/><circle cx="18" cy="20" r="3.2" fill="${spot}"/>`);
const bar = (light: string, dark: string): string =>
  svg(`<path d="M4 22l4-9h16l4 9z" fill="${dark}"/><path d="M8 13h16l-2-3H10z" fill="${light}"/>`);
const handle = '<path d="M8 27L21 9" stroke="#8d5f35" stroke-width="3" stroke-linecap="round"/>';
const axe = (head: string): string => svg(`${handle}<path d="M17 6l6-2c4 3 5 7 4 11l-9-4z" fill="${head}"/>`);
const pickaxe = (head: string): string =>
  svg(
    `${handle}<path d="M9 8c7-4 15 0 17 9-4-4-9-6-17-9z" fill="${head}"
      stroke="${head}" stroke-width="1.6"/>`,
  );

const ICONS: Record<string, string> = {
  wood: svg(`<path d="M5 12l15-6 7 5v9l-15 6-7-5z" fill="#8d5f35"/>
      <ellipse cx="9" cy="18" rx="4.4" ry="6" fill="#d9b27c"/>
    <ellipse cx="9" cy="18" rx="2" ry="3" fill="none" stroke="#a87d4c"/>`),
  stone: stone('#8b8f94', '#a9adb2'),
  flint: stone('#40464d', '#666e77'),
  fibre: svg(`<path d="M16 28C9 20 8 12 11 4M16 28C16 18 16 12 17 4M16 28C23 20 24 14 22 6" fill="none"
    stroke="#9fb356" stroke-width="2.6" stroke-linecap="round"/>`),
  resin: svg(
    `<path d="M16 4c6 8 8 11 8 15a8 8 0 01-16 0c0-4 2-7 8-15z" fill="#e0a032"/>
      <circle cx="13" cy="18" r="2.4" fill="#f7d687"/>`,
  ),
  berries: svg(`<circle cx="11" cy="19" r="6" fill="#c8263f"/><circle cx="21" cy="18" r="6" fill="#d63c53"/>
    <circle cx="16" cy="11" r="6" fill="#b81f38"/><path d="M16 6c2-4 6-4 8-2-2 3-5 4-8 2z" fill="#5d8c3b"/>`),
  mushroom: svg(
    `<path d="M13 17h6l1 9h-8z" fill="#eadfc6"/><path d="M4 18c0-8 6-12 12-12s12 4 12 12z" fill="#b5482c"/>
      <circle cx="12" cy="12" r="1.8" fill="#f3d9c8"/><circle cx="20" cy="13" r="1.5" fill="#f3d9c8"/>`,
  ),
  iron_ore: ore('#c0603a'),
  copper_ore: ore('#3fa98b'),
  charcoal: stone('#2b2c30', '#46484e'),
  iron: bar('#d5dade', '#9aa3ab'),
  copper: bar('#e9a071', '#bf6d3f'),
  rope: svg(
    `<circle cx="16" cy="16" r="9" fill="none" stroke="#c9a468" stroke-width="5"/>
      <circle cx="16" cy="16" r="9" fill="none" stroke="#94733f" stroke-width="1.2" stroke-dasharray="3 3"/>`,
  ),
  berry_skewer: svg(
    `<path d="M5 27L27 5" stroke="#a5753f" stroke-width="2"/><circle cx="12" cy="20" r="4" fill="#9c2f2f"/>
      <circle cx="18" cy="14" r="4" fill="#b5793f"/><circle cx="23" cy="9" r="3" fill="#9c2f2f"/>`,
  ),
  stone_axe: axe('#9a9ea4'),
  iron_axe: axe('#d5dade'),
  stone_pickaxe: pickaxe('#9a9ea4'),
  iron_pickaxe: pickaxe('#d5dade'),
  copper_sickle: svg(`<path d="M10 28l4-9" stroke="#8d5f35" stroke-width="3.4" stroke-linecap="round"/>
    <path d="M14 19C4 12 14 1 27 8 17 6 12 12 16 19z" fill="#d98a55"/>`),
};

export function iconOf(key: string, name: string): string {
  const letters = name.slice(0, 2).replace(/[^\p{L}\p{N}]/gu, '');
  return (
    ICONS[key] ??
    svg(`<rect x="4" y="4" width="24" height="24" rx="6" fill="#56677a"/>
    <text x="16" y="21" text-anchor="middle" font-size="13" fill="#fff">${letters}</text>`)
  );
}
