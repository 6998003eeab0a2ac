import { Injectable, type PipeTransform } from '@nestjs/common';
import { RestError } from './rest-error.js';

/** The JSON value of a request's body; `undefined` for an empty one. Text that is no JSON is a 400 that says where it breaks. */
@Injectable()
export class JsonBodyPipe implements PipeTransform<unknown, unknown> {
  transform(body: unknown): unknown {
    if (typeof body !== 'string' || body.trim() === '') return undefined;
    try {
      return JSON.parse(body);
    } catch (error) {
      throw new RestError(400, `The body is not JSON: ${(error as Error).message}`);
    }
  }
}
