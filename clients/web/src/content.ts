// Content: the pack of the world that a server runs, as `GET /v1/content` gives it. An item's, entity's or
// recipe's place in its list is its number on the wire.

export interface ItemCount {
  item: number;
  count: number;
}
export interface Content {
  hash: string;
  name: string;
  items: { key: string; name: string; stack: number; tool?: string | null }[];
  entities: ContentEntity[];
  recipes: Recipe[];
  builds: { entity: number; cost: ItemCount[] }[];
  refusals: { code: number; name: string; text: string }[];
  rules: { reach_mm: number; speed_mm_s: number; world_size_mm?: number };
}
export interface ContentEntity {
  key: string;
  name: string;
  /** tree, rock, ore, bush, structure, container, station, fire, item_pile, body */
  kind: string;
  hp: number;
  radius_mm: number;
  height_mm: number;
  slots?: number;
  toggles?: boolean;
  collectable?: boolean;
  harvestable?: boolean;
  tool?: string | null;
  tool_required?: boolean;
}
export interface Recipe {
  key: string;
  name: string;
  times_max: number;
  inputs: ItemCount[];
  outputs: ItemCount[];
  station: number | null;
}

export async function fetchContent(origin: string, fetch: typeof globalThis.fetch): Promise<Content> {
  const reply = await fetch(`${origin}/v1/content`);
  if (!reply.ok) throw new Error(`${origin}/v1/content: status ${reply.status}`);
  return (await reply.json()) as Content;
}
