import { Module } from '@nestjs/common';
import { KafkaClient } from './kafka-client.js';
import { Publisher } from './publisher.js';
import { WebhookClient } from './webhook-client.js';

/** Publishes results: records on Kafka, calls to webhooks. */
@Module({ providers: [KafkaClient, Publisher, WebhookClient], exports: [Publisher, WebhookClient] })
export class PublicationModule {}
