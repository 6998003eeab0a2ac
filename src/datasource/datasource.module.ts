import { Module } from '@nestjs/common';
import { DatasourceHttp } from './datasource-http.js';
import { Datasources } from './datasources.js';
import { PrometheusClient } from './prometheus-client.js';

/** The registered datasources and the clients to query them. */
@Module({ providers: [Datasources, DatasourceHttp, PrometheusClient], exports: [Datasources, DatasourceHttp, PrometheusClient] })
export class DatasourceModule {}
