import { Module } from '@nestjs/common';
import { KafkaClient } from './kafka-client.js';
import { Publisher } from './publisher.js';
import { WebhookClient } from './webhook-client.js';

/** Tells others what jobs found: records on Kafka, a call to the job's webhook. */
@Module({ providers: [KafkaClient, Publisher, WebhookClient], exports: [Publisher, WebhookClient] })
export class PublicationModule {}
