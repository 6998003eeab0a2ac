import { Injectable, type PipeTransform } from '@nestjs/common';
import { RestError } from './rest-error.js';

/** How deep values may stand in each other, how many there may be, and how many with a name: lists of thousands fit, what would hold the process does not. */
export const jsonBounds = { depth: 32, members: 50_000, named: 10_000 } as const;

/** The JSON value of a request's body; `undefined` for an empty one. Text that is no JSON, or too much of it, is a 400 that says what is wrong. */
@Injectable()
export class JsonBodyPipe implements PipeTransform<unknown, unknown> {
  transform(body: unknown): unknown {
    if (typeof body !== 'string' || body.trim() === '') return undefined;
    checkBounds(body);
    try {
      return JSON.parse(body);
    } catch (error) {
      throw new RestError(400, `The body is not JSON: ${(error as Error).message}`);
    }
  }
}

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c];
/** `[` and `{`, `]` and `}`. */
const [openList, openObject, closeList, closeObject] = [0x5b, 0x7b, 0x5d, 0x7d];

/** Looks through the text once, before anything is built of it. */
function checkBounds(text: string): void {
  let [depth, members, named] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfText(text, at);
    else if (code === comma) members++;
    else if (code === colon) named++;
    else if (code === openList || code === openObject) depth++;
    else if (code === closeList || code === closeObject) depth--;
    if (depth > jsonBounds.depth) throw new RestError(400, `The body is nested deeper than ${jsonBounds.depth} levels, at position ${at}`);
    if (named > jsonBounds.named) throw new RestError(400, `The body has more than ${jsonBounds.named} named members, at position ${at}`);
    if (members > jsonBounds.members) throw new RestError(400, `The body has more than ${jsonBounds.members} members, at position ${at}`);
  }
}

/** Position of the quote that ends the text which begins at `start`; the body's length where none does. */
function endOfText(body: string, start: number): number {
  for (let end = body.indexOf('"', start + 1); end !== -1; end = body.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (body.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return body.length;
}
