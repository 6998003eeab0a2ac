import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { ReaderProbes } from './reader-probes.js';

/** What each datasource can do, asked once for all who want to know, and remote read for those that have it. */
@Module({
  imports: [DatasourceModule],
  providers: [{ provide: RemoteRead, useFactory: (http: DatasourceHttp) => new RemoteRead(http), inject: [DatasourceHttp] }, ReaderProbes],
  exports: [RemoteRead, ReaderProbes],
})
export class ProbesModule {}
