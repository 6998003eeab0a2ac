import { Injectable, type PipeTransform } from '@nestjs/common';
import { RestError } from './rest-error.js';

/** How deep values may stand in each other, and how many members there may be: thousands of names fit, what would hold the process for seconds does not. */
export const jsonBounds = { depth: 32, members: 50_000 } as const;

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

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
/** `[` and `{`, `]` and `}`. */
const [opening, closing] = [new Set([0x5b, 0x7b]), new Set([0x5d, 0x7d])];

/** Looks through the text once, before anything is built of it. */
function checkBounds(text: string): void {
  let [depth, members, isText] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) isText = !isText;
    else if (isText) at += code === backslash ? 1 : 0;
    else if (code === comma) members++;
    else if (opening.has(code)) depth++;
    else if (closing.has(code)) depth--;
    if (depth > jsonBounds.depth) throw new RestError(400, `The body is nested deeper than ${jsonBounds.depth} levels, at position ${at}`);
    if (members > jsonBounds.members) throw new RestError(400, `The body has more than ${jsonBounds.members} members, at position ${at}`);
  }
}
