// Schema: one description of a message's fields gives its TypeScript type, its encoder and its decoder, so
// that the three cannot drift apart. `least` is the fewest bytes a field takes: a list's count may not ask
// for more items than the bytes at hand could hold.
import { ByteReader, ByteWriter, WireError } from './bytes.js';

export interface Field<T> {
  readonly least: number;
  write(out: ByteWriter, value: T): void;
  read(from: ByteReader): T;
}
export type Value<F> = F extends Field<infer T> ? T : never;
export type Shape = Readonly<Record<string, Field<any>>>;
export type Fields<S extends Shape> = { -readonly [K in keyof S]: Value<S[K]> };

const field = <T>(least: number, write: Field<T>['write'], read: Field<T>['read']): Field<T> => ({
  least,
  write,
  read,
});

export const u8 = field<number>(
  1,
  (out, v) => out.u8(v),
  (from) => from.u8(),
);
export const u16 = field<number>(
  2,
  (out, v) => out.u16(v),
  (from) => from.u16(),
);
export const u32 = field<number>(
  4,
  (out, v) => out.u32(v),
  (from) => from.u32(),
);
export const u64 = field<bigint>(
  8,
  (out, v) => out.u64(v),
  (from) => from.u64(),
);
export const vu = field<number>(
  1,
  (out, v) => out.vu(v),
  (from) => from.vu(),
);
export const vu16 = field<number>(
  1,
  (out, v) => out.vu(v, 0xffff),
  (from) => from.vu(0xffff),
);
export const vu32 = field<number>(
  1,
  (out, v) => out.vu(v, 0xffffffff),
  (from) => from.vu(0xffffffff),
);
export const id = field<bigint>(
  1,
  (out, v) => out.vuBig(v),
  (from) => from.vuBig(),
);
export const vs = field<number>(
  1,
  (out, v) => out.vs(v),
  (from) => from.vs(),
);
export const text = (limit: number): Field<string> =>
  field(
    1,
    (out, v) => out.text(v, limit),
    (from) => from.text(limit),
  );
/** A number of few values. */
export const oneOf = <N extends number>(values: readonly N[]): Field<N> => {
  const check = (value: number): N => {
    if (!values.includes(value as N)) throw new WireError(`${value} is none of ${values.join(', ')}`);
    return value as N;
  };
  return field<N>(
    1,
    (out, v) => out.u8(check(v)),
    (from) => check(from.u8()),
  );
};
/** Milliseconds since the Unix epoch. */
export const wallMs = field<number>(
  8,
  (out, v) => out.u64(BigInt(v)),
  (from) => {
    const value = from.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError(`${value} is no time in milliseconds`);
    return Number(value);
  },
);
export const list = <T>(item: Field<T>): Field<T[]> =>
  field<T[]>(
    1,
    (out, items) => {
      out.vu(items.length);
      for (const one of items) item.write(out, one);
    },
    (from) => {
      const count = from.vu();
      if (count * item.least > from.remaining)
        throw new WireError(`a list of ${count} items in too few bytes`);
      const items: T[] = [];
      for (let i = 0; i < count; ++i) items.push(item.read(from));
      return items;
    },
  );
export const struct = <S extends Shape>(shape: S): Field<Fields<S>> => {
  const entries = Object.entries(shape);
  return field<Fields<S>>(
    entries.reduce((sum, [, one]) => sum + one.least, 0),
    (out, value) => {
      for (const [name, one] of entries) one.write(out, value[name]);
    },
    (from) => {
      const value: Record<string, unknown> = {};
      for (const [name, one] of entries) value[name] = one.read(from);
      return value as Fields<S>;
    },
  );
};

/** What is told apart by a first byte: `tag` names the property that holds the alternative's name. */
export type Union<Tag extends string, S extends Readonly<Record<string, Shape>>> = {
  [K in keyof S & string]: { [T in Tag]: K } & Fields<S[K]>;
}[keyof S & string];

/** Alternative i has the number first + i. */
export const union = <Tag extends string, S extends Readonly<Record<string, Shape>>>(
  tag: Tag,
  first: number,
  alternatives: S,
): Field<Union<Tag, S>> => {
  const names = Object.keys(alternatives);
  const fields = names.map((name) => struct(alternatives[name] as Shape));
  return field<Union<Tag, S>>(
    1,
    (out, value) => {
      const index = names.indexOf((value as Record<string, string>)[tag] as string);
      const chosen = fields[index];
      if (!chosen)
        throw new WireError(`"${(value as Record<string, string>)[tag]}" is no ${tag} of these messages`);
      out.u8(first + index);
      chosen.write(out, value);
    },
    (from) => {
      const byte = from.u8();
      const chosen = fields[byte - first];
      if (!chosen) throw new WireError(`0x${byte.toString(16)} is no ${tag} of this channel and direction`);
      return { [tag]: names[byte - first], ...chosen.read(from) } as Union<Tag, S>;
    },
  );
};
