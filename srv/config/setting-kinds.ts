/** Kinds of values that a setting can have: what is allowed, in words and as a parser. */

export interface Kind<T> {
  /** Completes the sentence "allowed is …". */
  readonly allowed: string;
  /** The value, or undefined if `text` (trimmed, not empty) is not allowed. */
  parse(text: string): T | undefined;
}

/** A whole number in decimal digits, `min` and `max` included. */
export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,15}$/.test(text) ? inRange(Number(text), min, max) : undefined),
  };
}

/** A number with a decimal point, `min` and `max` included. */
export function decimal(min: number, max: number): Kind<number> {
  return {
    allowed: `a number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,15}(\.\d{1,15})?$/.test(text) ? inRange(Number(text), min, max) : undefined),
  };
}

function inRange(number: number, min: number, max: number): number | undefined {
  return number >= min && number <= max ? number : undefined;
}

/** `true` or `false`, in lower case. */
export const flag: Kind<boolean> = {
  allowed: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    allowed: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** A text that matches `pattern` as a whole. */
export function text(pattern: RegExp, allowed: string): Kind<string> {
  return { allowed, parse: (value) => (pattern.test(value) ? value : undefined) };
}

/** Any text of at most `limit` characters without control characters. */
export function oneLine(limit: number): Kind<string> {
  return {
    allowed: `1 to ${limit} characters on one line`,
    parse: (value) => (value.length <= limit && !/\p{Cc}/u.test(value) ? value : undefined),
  };
}

/** A comma list of one to `limit` items; blanks around them do not count. */
export function list<T>(item: Kind<T>, limit: number): Kind<readonly T[]> {
  return {
    allowed: `a comma list of 1 to ${limit} items, each ${item.allowed}`,
    parse(value) {
      const items = value.split(',').map((part) => item.parse(part.trim()));
      return items.length <= limit && items.every((one) => one !== undefined) ? items : undefined;
    },
  };
}

/** A comma list of `name:kind` pairs, at most 200; as a map without prototype. */
export function pairs<T>(name: Kind<string>, value: Kind<T>): Kind<Readonly<Record<string, T>>> {
  return {
    allowed: `a comma list of name:type pairs (name: ${name.allowed}; type: ${value.allowed})`,
    parse(source) {
      const map: Record<string, T> = Object.create(null) as Record<string, T>;
      const parts = source.split(',');
      if (parts.length > 200) return undefined;
      for (const part of parts) {
        const colon = part.lastIndexOf(':');
        const key = name.parse(part.slice(0, Math.max(colon, 0)).trim());
        const parsed = value.parse(part.slice(colon + 1).trim());
        if (key === undefined || parsed === undefined) return undefined;
        map[key] = parsed;
      }
      return map;
    },
  };
}

/** A comma list of `word:name` pairs: another name for some of the words. */
export function aliases<const T extends string>(
  words: readonly T[],
  name: Kind<string>,
): Kind<Partial<Readonly<Record<T, string>>>> {
  const kind = pairs(choice(...words), name);
  return {
    allowed: `a comma list of word:name pairs (word: one of ${words.join(', ')}; name: ${name.allowed})`,
    parse: (source) => kind.parse(source) as Partial<Record<T, string>> | undefined,
  };
}

/** An `http` or `https` URL. */
export const webUrl: Kind<string> = {
  allowed: 'a URL that begins with http:// or https://',
  parse: (value) => (/^https?:\/\/[^\s/]/.test(value) && URL.canParse(value) ? value : undefined),
};
