import { HttpException } from '@nestjs/common';

/** An error answer in Kruize's envelope (spec: bulk-and-kafka.md 0). */
export class RestError extends HttpException {
  constructor(status: number, message: string) {
    super(message, status);
  }
}
