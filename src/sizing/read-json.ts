import { RejectedRequest } from './bulk-request.js';

/** Limits of a JSON body: nesting depth, number of members, number of named members. They allow lists of thousands of items, but nothing that blocks the process. */
export const jsonBounds = { depth: 32, members: 50_000, named: 10_000 } as const;

/** Parses the JSON text of a request, from whatever source. Throws a RejectedRequest (400) if it is not JSON or exceeds `jsonBounds`. */
export function readJson(text: string): unknown {
  checkBounds(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RejectedRequest(400, `The body is not JSON: ${(error as Error).message}`);
  }
}

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c];
/** `[` and `{`, `]` and `}`. */
const [openList, openObject, closeList, closeObject] = [0x5b, 0x7b, 0x5d, 0x7d];

/** Checks the limits in one pass over the text, before it is parsed. */
function checkBounds(text: string): void {
  let [depth, members, named] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === comma) members++;
    else if (code === colon) named++;
    else if (code === openList || code === openObject) depth++;
    else if (code === closeList || code === closeObject) depth--;
    if (depth > jsonBounds.depth)
      throw new RejectedRequest(400, `The body is nested deeper than ${jsonBounds.depth} levels, at position ${at}`);
    if (named > jsonBounds.named)
      throw new RejectedRequest(400, `The body has more than ${jsonBounds.named} named members, at position ${at}`);
    if (members > jsonBounds.members)
      throw new RejectedRequest(400, `The body has more than ${jsonBounds.members} members, at position ${at}`);
  }
}

/** Returns the position of the quote that closes the string at `start`; the body's length if there is none. */
function endOfString(body: string, start: number): number {
  for (let end = body.indexOf('"', start + 1); end !== -1; end = body.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (body.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return body.length;
}
